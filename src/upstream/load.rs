//! How much an endpoint may have to do.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The least share of its turns that an endpoint gets when it has just come back: without any it would never warm up.
const LEAST_SHARE: f32 = 0.1;

/// The requests that an endpoint has in flight, and how warm it is.
#[derive(Debug)]
pub(super) struct Load {
    /// 0: any number, and they are not counted.
    max_in_flight: u32,
    in_flight: AtomicU32,
    slow_start_ms: u64,
    /// When it came back, while it warms up; 0 when it is warm.
    back_ms: AtomicU64,
}

impl Load {
    pub(super) fn new(max_in_flight: u32, slow_start: Duration) -> Self {
        let slow_start_ms = u64::try_from(slow_start.as_millis()).unwrap_or(u64::MAX);
        Self { max_in_flight, in_flight: AtomicU32::new(0), slow_start_ms, back_ms: AtomicU64::new(0) }
    }

    /// Whether one more would be too many.
    pub(super) fn is_full(&self) -> bool {
        self.max_in_flight > 0 && self.in_flight.load(Ordering::Relaxed) >= self.max_in_flight
    }

    /// One more, unless it is full.
    pub(super) fn enter(&self) -> bool {
        if self.max_in_flight == 0 {
            return true;
        }
        let one_more = |count: u32| (count < self.max_in_flight).then_some(count + 1);
        self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    /// One more, even if it is full.
    pub(super) fn add(&self) {
        if self.max_in_flight > 0 {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn leave(&self) {
        if self.max_in_flight > 0 {
            self.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// It came back from being out.
    pub(super) fn warm_up(&self, now_ms: u64) {
        if self.slow_start_ms > 0 {
            self.back_ms.store(now_ms.max(1), Ordering::Relaxed);
        }
    }

    /// Whether it takes its turn. While it warms up it lets some pass, the fewer the warmer it is.
    pub(super) fn takes_turn(&self, now_ms: impl FnOnce() -> u64) -> bool {
        let back = self.back_ms.load(Ordering::Relaxed);
        back == 0 || self.share(now_ms().saturating_sub(back)) > fastrand::f32()
    }

    fn share(&self, since_ms: u64) -> f32 {
        if since_ms >= self.slow_start_ms {
            self.back_ms.store(0, Ordering::Relaxed);
            return 1.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
        let share = since_ms as f32 / self.slow_start_ms as f32;
        share.max(LEAST_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(load: &Load, now_ms: u64) -> usize {
        (0..10_000).filter(|_| load.takes_turn(|| now_ms)).count()
    }

    #[test]
    fn an_endpoint_that_came_back_warms_up() {
        fastrand::seed(7);
        let load = Load::new(0, Duration::from_secs(10));
        assert_eq!(turns(&load, 500), 10_000, "one that was never out is warm");
        load.warm_up(1_000);
        for (now, expected) in [(1_000, 1_000), (3_000, 2_000), (6_000, 5_000)] {
            assert!(turns(&load, now).abs_diff(expected) < 250, "at {now}");
        }
        assert_eq!(turns(&load, 11_000), 10_000);
    }

    #[test]
    fn no_more_enter_than_may() {
        let load = Load::new(2, Duration::ZERO);
        assert!(load.enter() && load.enter());
        assert!(load.is_full() && !load.enter());
        load.leave();
        assert!(!load.is_full() && load.enter());
    }
}
