//! Leaving a plugin alone that keeps failing.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// For how long at first, in milliseconds; each failed try doubles it,
const FIRST: u64 = 1_000;

/// up to this.
const LONGEST: u64 = 60_000;

/// Counts failures in a row. So many of them trip the plugin: it is not entered for a while, then one call tries it, and
/// how that ends decides. Shared by all workers; costs a load for each call while all is well.
#[derive(Debug)]
pub(super) struct Trip {
    /// 0: never.
    limit: u32,
    row: AtomicU32,
    /// How long it is, or will be, left alone.
    back_off: AtomicU64,
    /// When the next call may try it; milliseconds of the process.
    due: AtomicU64,
}

/// Leave to enter a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As ever.
    Usual,
    /// To see whether a tripped one works again.
    Try,
}

impl Trip {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, row: AtomicU32::new(0), back_off: AtomicU64::new(FIRST), due: AtomicU64::new(0) }
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.limit > 0 && self.row.load(Ordering::Relaxed) >= self.limit
    }

    /// Whether a call may enter.
    pub(super) fn pass(&self, now: impl FnOnce() -> u64) -> Option<Pass> {
        if !self.is_tripped() {
            return Some(Pass::Usual);
        }
        let (now, due) = (now(), self.due.load(Ordering::Relaxed));
        // One of those that come when it is time. Should it never come back, another follows after the same time.
        let next = now.saturating_add(self.back_off.load(Ordering::Relaxed));
        let first =
            now >= due && self.due.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        first.then_some(Pass::Try)
    }

    /// A call has ended well. Whether the plugin thereby recovered.
    pub(super) fn succeeded(&self, pass: Pass) -> bool {
        let row = self.row.load(Ordering::Relaxed);
        match pass {
            Pass::Try => {
                self.back_off.store(FIRST, Ordering::Relaxed);
                self.row.swap(0, Ordering::Relaxed) >= self.limit
            }
            // Of a tripped plugin, a call that was under way before says nothing new.
            Pass::Usual if row == 0 || row >= self.limit => false,
            Pass::Usual => {
                let _ = self.row.compare_exchange(row, 0, Ordering::Relaxed, Ordering::Relaxed);
                false
            }
        }
    }

    /// A call has failed. Whether that tripped the plugin.
    pub(super) fn failed(&self, pass: Pass, now: impl FnOnce() -> u64) -> bool {
        match pass {
            Pass::Try => {
                let longer = (self.back_off.load(Ordering::Relaxed) * 2).min(LONGEST);
                self.back_off.store(longer, Ordering::Relaxed);
                self.due.store(now().saturating_add(longer), Ordering::Relaxed);
                false
            }
            Pass::Usual if self.limit == 0 || self.is_tripped() => false,
            Pass::Usual => {
                let tripped = self.row.fetch_add(1, Ordering::Relaxed).saturating_add(1) == self.limit;
                if tripped {
                    self.due.store(now().saturating_add(FIRST), Ordering::Relaxed);
                }
                tripped
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tripped_at(now: u64) -> Trip {
        let trip = Trip::new(3);
        assert!(!trip.failed(Pass::Usual, || now) && !trip.failed(Pass::Usual, || now));
        assert!(trip.failed(Pass::Usual, || now), "the third in a row");
        trip
    }

    #[test]
    fn a_success_in_between_begins_the_row_anew() {
        let trip = Trip::new(2);
        for _ in 0..10 {
            assert!(!trip.failed(Pass::Usual, || 0));
            assert!(!trip.succeeded(Pass::Usual));
        }
        assert_eq!(trip.pass(|| 0), Some(Pass::Usual));
    }

    #[test]
    fn one_call_tries_it_when_the_time_has_come() {
        let trip = tripped_at(5_000);
        assert_eq!(trip.pass(|| 5_999), None);
        assert_eq!(trip.pass(|| 6_000), Some(Pass::Try));
        assert_eq!(trip.pass(|| 6_999), None, "the others wait for how it ends");
        assert_eq!(trip.pass(|| 7_000), Some(Pass::Try), "it never came back");
        assert!(trip.succeeded(Pass::Try));
        assert!(!trip.succeeded(Pass::Try), "it recovers once");
        assert_eq!(trip.pass(|| 7_000), Some(Pass::Usual));
    }

    #[test]
    fn each_failed_try_doubles_the_time_up_to_a_minute() {
        let trip = tripped_at(0);
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(trip.pass(|| now + seconds * 1000 - 1), None, "{seconds}");
            now += seconds * 1000;
            assert_eq!(trip.pass(|| now), Some(Pass::Try));
            assert!(!trip.failed(Pass::Try, || now), "it is tripped already");
        }
        trip.succeeded(Pass::Try);
        (0..3).for_each(|_| {
            trip.failed(Pass::Usual, || now);
        });
        assert_eq!(trip.pass(|| now + 1000), Some(Pass::Try), "and begins with a second again");
    }

    #[test]
    fn calls_that_were_under_way_when_it_tripped_change_nothing() {
        let trip = tripped_at(0);
        assert!(!trip.failed(Pass::Usual, || 900) && !trip.succeeded(Pass::Usual));
        assert_eq!(trip.pass(|| 999), None);
        assert_eq!(trip.pass(|| 1_000), Some(Pass::Try));
    }

    #[test]
    fn zero_is_never() {
        let trip = Trip::new(0);
        (0..1000).for_each(|_| assert!(!trip.failed(Pass::Usual, || 0)));
        assert_eq!(trip.pass(|| 0), Some(Pass::Usual));
    }
}
