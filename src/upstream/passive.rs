//! Passive health: what an endpoint's answers to real requests say of it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// `max_fails` failures take an endpoint out for `fail_timeout`; then one request tries it, and its outcome decides. A
/// success forgives earlier failures if `fail_timeout` has passed since the last of them. The rule is nginx's.
#[derive(Debug)]
pub(super) struct Passive {
    /// 0: never out.
    max_fails: u32,
    fail_timeout_ms: u64,
    /// How long it may be out at most, where it fails each time it is tried again.
    max_fail_timeout_ms: u64,
    fails: AtomicU32,
    /// How often in a row it was tried again and failed.
    relapses: AtomicU32,
    /// When it last failed; milliseconds of the process.
    failed_ms: AtomicU64,
    /// When it last failed or, `fail_timeout` after that, was picked again.
    checked_ms: AtomicU64,
}

/// Milliseconds since the process first asked.
pub(super) fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Passive {
    pub(super) fn new(max_fails: u32, fail_timeout: Duration, max_fail_timeout: Duration) -> Self {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            max_fails,
            fail_timeout_ms: millis(fail_timeout),
            max_fail_timeout_ms: millis(max_fail_timeout.max(fail_timeout)),
            fails: AtomicU32::new(0),
            relapses: AtomicU32::new(0),
            failed_ms: AtomicU64::new(0),
            checked_ms: AtomicU64::new(0),
        }
    }

    fn is_out(&self) -> bool {
        self.max_fails > 0 && self.fails.load(Ordering::Relaxed) >= self.max_fails
    }

    /// Whether `fail_timeout` has passed since the last failure, or since somebody was sent to see how it is.
    fn is_due(&self, now: u64) -> bool {
        now.saturating_sub(self.checked_ms.load(Ordering::Relaxed)) > self.timeout_ms()
    }

    /// Twice as long for each relapse.
    fn timeout_ms(&self) -> u64 {
        let relapses = self.relapses.load(Ordering::Relaxed).min(32);
        self.fail_timeout_ms.saturating_mul(1 << relapses).min(self.max_fail_timeout_ms)
    }

    /// Whether requests may go to it. Costs one load while all is well.
    pub(super) fn is_usable(&self, now: impl FnOnce() -> u64) -> bool {
        !self.is_out() || self.is_due(now())
    }

    /// It was picked. One that is out is thereby being tried, and others wait for how that ends.
    pub(super) fn picked(&self, now: impl FnOnce() -> u64) {
        if self.fails() == 0 {
            return;
        }
        let now = now();
        if self.is_due(now) {
            self.checked_ms.store(now, Ordering::Relaxed);
        }
    }

    /// Whether this success brought it back.
    pub(super) fn succeeded(&self) -> bool {
        let forgiven = || self.failed_ms.load(Ordering::Relaxed) < self.checked_ms.load(Ordering::Relaxed);
        if self.fails() == 0 || !forgiven() {
            return false;
        }
        let was_out = self.is_out();
        self.forgive();
        was_out
    }

    /// It is well again, for reasons of another kind.
    pub(super) fn forgive(&self) {
        self.fails.store(0, Ordering::Relaxed);
        self.relapses.store(0, Ordering::Relaxed);
    }

    /// Whether this failure took it out.
    pub(super) fn failed(&self, now: u64) -> bool {
        let was_out = self.is_out();
        // The one that was sent to see how it is, and not one that was under way when it went out.
        if was_out && self.failed_ms.load(Ordering::Relaxed) < self.checked_ms.load(Ordering::Relaxed) {
            self.relapses.fetch_add(1, Ordering::Relaxed);
        }
        self.failed_ms.store(now, Ordering::Relaxed);
        self.checked_ms.store(now, Ordering::Relaxed);
        self.fails.fetch_add(1, Ordering::Relaxed);
        !was_out && self.is_out()
    }

    pub(super) fn fails(&self) -> u32 {
        self.fails.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passive(max_fails: u32) -> Passive {
        Passive::new(max_fails, Duration::from_millis(100), Duration::ZERO)
    }

    #[test]
    fn each_relapse_doubles_the_time_up_to_a_limit() {
        let endpoint = Passive::new(1, Duration::from_millis(100), Duration::from_millis(300));
        let mut now = 1000;
        endpoint.failed(now);
        for timeout in [100, 200, 300, 300] {
            assert!(!endpoint.is_usable(|| now + timeout), "{timeout}");
            now += timeout + 1;
            assert!(endpoint.is_usable(|| now), "{timeout}");
            endpoint.picked(|| now);
            now += 1;
            endpoint.failed(now);
        }
        now += 301;
        endpoint.picked(|| now);
        assert!(endpoint.succeeded());
        endpoint.failed(now);
        assert!(endpoint.is_usable(|| now + 101), "a success forgives");
    }

    #[test]
    fn out_after_max_fails_and_tried_again_after_the_timeout() {
        let endpoint = passive(2);
        assert!(!endpoint.failed(1000));
        assert!(endpoint.is_usable(|| 1000));
        assert!(endpoint.failed(1001));
        assert!(!endpoint.is_usable(|| 1101));
        assert!(endpoint.is_usable(|| 1102));
    }

    #[test]
    fn only_one_request_tries_an_endpoint_that_was_out() {
        let endpoint = passive(1);
        endpoint.failed(1000);
        assert!(endpoint.is_usable(|| 1101));
        endpoint.picked(|| 1101);
        assert!(!endpoint.is_usable(|| 1102));
        endpoint.succeeded();
        assert!(endpoint.is_usable(|| 1102));
    }

    #[test]
    fn a_success_forgives_only_failures_that_are_old() {
        let endpoint = passive(2);
        endpoint.failed(1000);
        endpoint.picked(|| 1050);
        endpoint.succeeded();
        assert_eq!(endpoint.fails(), 1);
        endpoint.picked(|| 1101);
        endpoint.succeeded();
        assert_eq!(endpoint.fails(), 0);
    }

    #[test]
    fn failures_without_a_success_in_between_add_up_however_far_apart() {
        let endpoint = passive(2);
        assert!(!endpoint.failed(1000));
        endpoint.picked(|| 9000);
        assert!(endpoint.failed(39_000));
    }

    #[test]
    fn a_failed_try_keeps_it_out() {
        let endpoint = passive(2);
        endpoint.failed(1000);
        endpoint.failed(1001);
        endpoint.picked(|| 1102);
        endpoint.failed(31_000);
        assert!(!endpoint.is_usable(|| 31_001));
    }

    #[test]
    fn zero_max_fails_means_never_out() {
        let endpoint = passive(0);
        for now in 0..100 {
            endpoint.failed(now);
            assert!(endpoint.is_usable(|| now));
        }
    }
}
