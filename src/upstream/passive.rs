//! Passive health: what an endpoint's answers to real requests say of it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// `max_fails` failures, each within `fail_timeout` of the one before, take an endpoint out for `fail_timeout`; then one
/// request tries it, and its outcome decides. The rule is nginx's.
#[derive(Debug)]
pub(super) struct Passive {
    /// 0: never out.
    max_fails: u32,
    fail_timeout_ms: u64,
    fails: AtomicU32,
    /// When it last failed, or was last tried while out; milliseconds of the process.
    checked_ms: AtomicU64,
}

/// Milliseconds since the process first asked.
pub(super) fn now_ms() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Passive {
    pub(super) fn new(max_fails: u32, fail_timeout: Duration) -> Self {
        let fail_timeout_ms = u64::try_from(fail_timeout.as_millis()).unwrap_or(u64::MAX);
        Self { max_fails, fail_timeout_ms, fails: AtomicU32::new(0), checked_ms: AtomicU64::new(0) }
    }

    fn is_out(&self) -> bool {
        self.max_fails > 0 && self.fails.load(Ordering::Relaxed) >= self.max_fails
    }

    /// Whether requests may go to it. Costs one load while all is well.
    pub(super) fn is_usable(&self, now: impl FnOnce() -> u64) -> bool {
        !self.is_out() || now().saturating_sub(self.checked_ms.load(Ordering::Relaxed)) > self.fail_timeout_ms
    }

    /// It was picked. One that is out is thereby being tried, and others wait for how that ends.
    pub(super) fn picked(&self, now: impl FnOnce() -> u64) {
        if self.is_out() {
            self.checked_ms.store(now(), Ordering::Relaxed);
        }
    }

    pub(super) fn succeeded(&self) {
        if self.fails.load(Ordering::Relaxed) != 0 {
            self.fails.store(0, Ordering::Relaxed);
        }
    }

    /// Whether this failure took it out.
    pub(super) fn failed(&self, now: u64) -> bool {
        let was_out = self.is_out();
        let last = self.checked_ms.swap(now, Ordering::Relaxed);
        if now.saturating_sub(last) > self.fail_timeout_ms {
            self.fails.store(1, Ordering::Relaxed);
        } else {
            self.fails.fetch_add(1, Ordering::Relaxed);
        }
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
        Passive::new(max_fails, Duration::from_millis(100))
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
    fn failures_far_apart_do_not_add_up() {
        let endpoint = passive(2);
        for now in [1000, 1101, 1202, 1303] {
            assert!(!endpoint.failed(now));
        }
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
