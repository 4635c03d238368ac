//! How many lines of the log a plugin may cause.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Since the process first asked.
pub(super) fn uptime() -> Duration {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

/// A bucket of lines that fills at a steady rate, and counts those that found it empty. Shared by all workers without a
/// lock: what is kept is the one moment at which the bucket will be full.
#[derive(Debug)]
pub(super) struct Rate {
    /// Nanoseconds in which one line is earned,
    step: u64,
    /// and those in which an empty bucket fills.
    depth: u64,
    /// Nanoseconds of the process.
    full_at: AtomicU64,
    left_out: AtomicU64,
}

impl Rate {
    /// `burst` lines at once, and `per_second` from then on.
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let step = 1_000_000_000 / u64::from(per_second.max(1));
        let depth = step * u64::from(burst);
        Self { step, depth, full_at: AtomicU64::new(0), left_out: AtomicU64::new(0) }
    }

    /// Whether a line may be written now, and then how many were left out before it.
    pub(super) fn admit(&self) -> Option<u64> {
        self.admit_at(u64::try_from(uptime().as_nanos()).unwrap_or(u64::MAX))
    }

    fn admit_at(&self, now: u64) -> Option<u64> {
        let spend = |full_at: u64| {
            let later = full_at.max(now).saturating_add(self.step);
            (later <= now.saturating_add(self.depth)).then_some(later)
        };
        match self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend) {
            Ok(_) => Some(self.left_out()),
            Err(_) => {
                self.left_out.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }

    /// How many lines were left out since somebody last asked.
    pub(super) fn left_out(&self) -> u64 {
        match self.left_out.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.left_out.swap(0, Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_goes_through_and_then_the_rate_holds() {
        let rate = Rate::new(10, 3);
        assert_eq!([(); 4].map(|()| rate.admit_at(SECOND)), [Some(0), Some(0), Some(0), None]);
        assert_eq!(rate.admit_at(SECOND + SECOND / 20), None);
        assert_eq!(rate.admit_at(SECOND + SECOND / 10), Some(2), "and says how many did not");
        assert_eq!(rate.admit_at(SECOND + SECOND / 10), None);
    }

    #[test]
    fn a_rest_earns_no_more_than_a_burst() {
        let rate = Rate::new(10, 3);
        let lines = (0..10).filter(|_| rate.admit_at(60 * SECOND).is_some()).count();
        assert_eq!((lines, rate.left_out(), rate.left_out()), (3, 7, 0));
    }
}
