use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a client's connection is doing, and since when.
///
/// Milliseconds of the process, shifted to make room for whether a head is on its way; or the number of open exchanges,
/// below [`BUSY`]. One worker reads and writes it. It is an atomic only because hyper wants the stream of an upgraded connection to be
/// `Send`, and the stream says when bytes come in.
#[derive(Debug)]
pub struct Activity(AtomicU64);

/// A phase of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Between two requests.
    Idle(Instant),
    /// The head of a request is on its way.
    Head(Instant),
    /// At least one exchange is open.
    Busy,
}

/// No clock of ours gets that far.
const BUSY: u64 = 1 << 63;

pub(super) fn start() -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START
}

pub(super) fn now_ms() -> u64 {
    u64::try_from(start().elapsed().as_millis()).unwrap_or(0)
}

impl Activity {
    /// A connection that was just accepted: its first request is on its way.
    pub(super) fn accepted() -> Self {
        Self(AtomicU64::new(head(now_ms())))
    }

    /// Bytes came in: where none were expected, a request begins.
    pub fn received(&self) {
        let state = self.0.load(Ordering::Relaxed);
        if state & (BUSY | 1) == 0 {
            self.0.store(head(now_ms()), Ordering::Relaxed);
        }
    }

    /// Nothing is on its way: the connection may wait from now on.
    pub fn rest(&self) {
        self.0.store(now_ms() << 1, Ordering::Relaxed);
    }

    pub(super) fn begin(&self) {
        let state = self.0.load(Ordering::Relaxed);
        let open = if state & BUSY == 0 { BUSY } else { state };
        self.0.store(open + 1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        match self.0.load(Ordering::Relaxed) {
            state if state > BUSY + 1 => self.0.store(state - 1, Ordering::Relaxed),
            _ => self.rest(),
        }
    }

    /// Whether an exchange is open.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.phase() == Phase::Busy
    }

    pub(super) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            state if state & BUSY != 0 => Phase::Busy,
            state => {
                let since = start() + Duration::from_millis(state >> 1);
                if state & 1 == 1 { Phase::Head(since) } else { Phase::Idle(since) }
            }
        }
    }
}

fn head(now_ms: u64) -> u64 {
    now_ms << 1 | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_begin_a_request_only_on_an_idle_connection() {
        let activity = Activity::accepted();
        assert!(matches!(activity.phase(), Phase::Head(_)));
        activity.begin();
        activity.received();
        assert_eq!(activity.phase(), Phase::Busy);
        activity.end();
        assert!(matches!(activity.phase(), Phase::Idle(_)));
        activity.received();
        assert!(matches!(activity.phase(), Phase::Head(_)));
    }

    #[test]
    fn a_connection_is_busy_until_the_last_of_its_exchanges_has_ended() {
        let activity = Activity::accepted();
        activity.begin();
        activity.begin();
        activity.end();
        assert_eq!(activity.phase(), Phase::Busy);
        activity.end();
        assert!(matches!(activity.phase(), Phase::Idle(_)));
    }
}
