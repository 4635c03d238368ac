//! How many retries an upstream may be sent: where every request fails, each retry is one more request to fail.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// Over how long requests and retries are compared, in milliseconds.
const WINDOW_MS: u64 = 10_000;

/// Retries that any window may have: a share of few requests would be none.
const FLOOR: u64 = 100;

/// Allows retries up to a share of the requests of the last seconds. Requests are only counted; the clock is looked at
/// when one is to be retried.
#[derive(Debug)]
pub(super) struct Budget {
    percent: u64,
    requests: AtomicU64,
    window: Mutex<Window>,
}

/// The window that is open, and what is left to know of the one before.
#[derive(Debug, Default)]
struct Window {
    began_ms: u64,
    /// The count of requests when it began.
    counted: u64,
    retries: u64,
    earlier: Rates,
}

/// Per window.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    requests: u64,
    retries: u64,
}

impl Budget {
    pub(super) fn new(percent: u32) -> Self {
        Self { percent: percent.into(), requests: AtomicU64::new(0), window: Mutex::default() }
    }

    /// A request came.
    pub(super) fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one retry, if there is one left.
    pub(super) fn retry(&self, now_ms: u64) -> bool {
        let total = self.requests.load(Ordering::Relaxed);
        let mut window = self.window.lock();
        window.advance(now_ms, total);
        let recent = window.recent(now_ms, total);
        let allowed = recent.retries < FLOOR + recent.requests * self.percent / 100;
        window.retries += u64::from(allowed);
        allowed
    }
}

impl Window {
    fn advance(&mut self, now_ms: u64, total: u64) {
        let elapsed = now_ms.saturating_sub(self.began_ms);
        if elapsed < WINDOW_MS {
            return;
        }
        // One that nobody looked at for long is taken for its average.
        let rate = |count: u64| count.saturating_mul(WINDOW_MS) / elapsed;
        let requests = rate(total.saturating_sub(self.counted));
        self.earlier = Rates { requests, retries: rate(self.retries) };
        (self.began_ms, self.counted, self.retries) = (now_ms, total, 0);
    }

    /// This window, and as much of the one before as still lies in the last seconds.
    fn recent(&self, now_ms: u64, total: u64) -> Rates {
        let left = WINDOW_MS - now_ms.saturating_sub(self.began_ms).min(WINDOW_MS);
        let still = |earlier: u64| earlier.saturating_mul(left) / WINDOW_MS;
        Rates {
            requests: total.saturating_sub(self.counted) + still(self.earlier.requests),
            retries: self.retries + still(self.earlier.retries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(budget: &Budget, now_ms: u64) -> u64 {
        (0..).take_while(|_| budget.retry(now_ms)).count() as u64
    }

    fn requests(budget: &Budget, count: u64) {
        (0..count).for_each(|_| budget.request());
    }

    #[test]
    fn a_share_of_the_requests_may_be_retried() {
        let budget = Budget::new(20);
        requests(&budget, 10_000);
        assert_eq!(retries(&budget, 5_000), FLOOR + 2_000);
        requests(&budget, 10);
        assert_eq!(retries(&budget, 5_001), 2);
    }

    #[test]
    fn without_requests_there_is_a_floor_and_it_comes_back() {
        let budget = Budget::new(20);
        assert_eq!(retries(&budget, 0), FLOOR);
        assert_eq!(retries(&budget, 9_000), 0);
        assert_eq!(retries(&budget, 15_000), FLOOR - 66, "a hundred in 15 s are 66 in 10 s");
        assert_eq!(retries(&budget, 600_000), FLOOR);
    }

    #[test]
    fn requests_of_long_ago_do_not_count() {
        let budget = Budget::new(20);
        requests(&budget, 36_000);
        assert_eq!(retries(&budget, 3_600_000), FLOOR + 20, "100 in 10 s on the average");
    }

    #[test]
    fn zero_per_cent_leaves_the_floor() {
        let budget = Budget::new(0);
        requests(&budget, 10_000);
        assert_eq!(retries(&budget, 0), FLOOR);
    }
}
