use std::array;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::page::Distribution;

/// Only grows. One thread writes it: adding is a load and a store, not a locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Goes up and down. One thread writes it.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

/// Durations by their size. One thread writes it.
#[derive(Debug)]
pub struct Times {
    /// How many fell between a bound and the one before; the last has no bound.
    counts: [AtomicU64; BOUNDS.len() + 1],
    nanos: AtomicU64,
}

/// The upper bounds in nanoseconds: from what a gateway itself takes to what its upstreams may.
const BOUNDS: [u64; 17] = [
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        add(&self.0, n);
    }

    /// What it has come to.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Adds `n`, which may be negative.
    pub fn add(&self, n: i64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Makes it `n`.
    pub fn set(&self, n: usize) {
        self.0.store(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// What it is.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Times {
    fn default() -> Self {
        Self { counts: array::from_fn(|_| AtomicU64::new(0)), nanos: AtomicU64::new(0) }
    }
}

impl Times {
    /// Counts one.
    pub fn observe(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Most are small, so the first of the bounds are compared first.
        let place = BOUNDS.iter().take_while(|bound| nanos > **bound).count();
        if let Some(count) = self.counts.get(place) {
            add(count, 1);
        }
        add(&self.nanos, nanos);
    }

    /// All of them, in seconds.
    #[must_use]
    pub fn read(&self) -> Distribution {
        Distribution {
            bounds: BOUNDS.iter().map(|nanos| seconds(*nanos)).collect(),
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: seconds(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

fn add(cell: &AtomicU64, n: u64) {
    cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_the_first_bucket_that_holds_it() {
        let times = Times::default();
        for micros in [0, 100, 101, 31_000_000] {
            times.observe(Duration::from_micros(micros));
        }
        let read = times.read();
        assert_eq!((read.bounds[0], read.bounds.len()), (0.0001, 17));
        assert_eq!((read.counts[0], read.counts[1], read.counts[17]), (2, 1, 1), "a bound is in its bucket");
        assert!((read.sum - 31.000_201).abs() < 1e-9);
    }
}
