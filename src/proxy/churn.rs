use std::cell::Cell;
use std::time::{Duration, Instant};

/// Requests that a client may take back at once,
const BURST: u32 = 200;

/// and how long it takes until it may take back one more.
const RECOVERY: Duration = Duration::from_millis(50);

/// How fast a client takes requests back before they are answered.
///
/// Over HTTP/2 that costs it next to nothing and the upstream a request each time (CVE-2023-44487). Over HTTP/1 it costs
/// the connection.
#[derive(Debug, Default)]
pub(super) struct Churn {
    spent: Cell<u32>,
    since: Cell<Option<Instant>>,
}

impl Churn {
    /// Counts one; whether that is one too many.
    pub(super) fn is_too_much(&self) -> bool {
        self.count(Instant::now())
    }

    fn count(&self, now: Instant) -> bool {
        let since = self.since.get().unwrap_or(now);
        let recovered = now.duration_since(since).as_millis() / RECOVERY.as_millis();
        let recovered = u32::try_from(recovered).unwrap_or(u32::MAX);
        self.since.set(Some(since + RECOVERY * recovered));
        let spent = self.spent.get().saturating_sub(recovered) + 1;
        self.spent.set(spent);
        spent > BURST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_too_much_and_the_same_number_over_time_is_not() {
        let (now, churn) = (Instant::now(), Churn::default());
        assert_eq!((0..1000).take_while(|_| !churn.count(now)).count(), BURST as usize);
        let churn = Churn::default();
        assert!((0..1000).all(|n| !churn.count(now + RECOVERY * n)));
    }

    #[test]
    fn what_was_spent_comes_back() {
        let (now, churn) = (Instant::now(), Churn::default());
        for _ in 0..BURST {
            assert!(!churn.count(now));
        }
        let later = now + RECOVERY * 10;
        assert_eq!((0..1000).take_while(|_| !churn.count(later)).count(), 10);
    }
}
