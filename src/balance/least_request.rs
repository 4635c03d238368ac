//! `least_request`: the less loaded of two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::draw::WeightedDraw;
use super::{Balancer, Outcome, Target};

/// Draws two by weight and picks the one with fewer exchanges in flight for its weight.
///
/// Two draws avoid what the global minimum suffers from: a herd of workers that all see the same idle endpoint and jump on
/// it. A tie goes to the first drawn, so an idle upstream is shared by weight, as with nginx's `least_conn`.
#[derive(Debug)]
pub(super) struct LeastRequest {
    draw: WeightedDraw,
    loads: Box<[Load]>,
}

#[derive(Debug)]
struct Load {
    weight: u64,
    /// Shared with the balancer that takes this one's place, while exchanges from before are under way.
    in_flight: Arc<AtomicU64>,
}

impl Load {
    /// Whether fewer exchanges are in flight here for the weight: a/v < b/w, without the division.
    fn is_less_than(&self, other: &Self) -> bool {
        let (here, there) = (self.in_flight.load(Relaxed), other.in_flight.load(Relaxed));
        u128::from(here) * u128::from(other.weight) < u128::from(there) * u128::from(self.weight)
    }
}

impl LeastRequest {
    pub(super) fn new(targets: &[Target]) -> Self {
        let loads = targets
            .iter()
            .map(|target| Load { weight: target.weight.into(), in_flight: Arc::default() })
            .collect();
        Self { draw: WeightedDraw::new(targets), loads }
    }

    /// The one of the two to pick; the first unless the second is less loaded.
    fn better(&self, first: usize, second: usize) -> usize {
        match (self.loads.get(first), self.loads.get(second)) {
            (Some(a), Some(b)) if b.is_less_than(a) => second,
            _ => first,
        }
    }
}

impl Balancer for LeastRequest {
    fn pick(&self, _key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        let first = self.draw.draw(usable)?;
        let second = self.draw.draw(|index| index != first && usable(index));
        let index = second.map_or(first, |second| self.better(first, second));
        self.take(index);
        Some(index)
    }

    fn take(&self, index: usize) {
        if let Some(load) = self.loads.get(index) {
            load.in_flight.fetch_add(1, Relaxed);
        }
    }

    fn report(&self, index: usize, _outcome: Outcome) {
        if let Some(load) = self.loads.get(index) {
            // A report too many must not wrap around to "endlessly loaded".
            let _ = load.in_flight.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
        }
    }

    fn go_on(&mut self, before: &dyn Balancer, places: &[Option<usize>]) {
        for (load, place) in self.loads.iter_mut().zip(places) {
            if let Some(in_flight) = place.and_then(|place| before.in_flight(place)) {
                load.in_flight = in_flight;
            }
        }
    }

    fn in_flight(&self, index: usize) -> Option<Arc<AtomicU64>> {
        self.loads.get(index).map(|load| Arc::clone(&load.in_flight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::laws::{chi_square, targets};

    fn in_flight(balancer: &LeastRequest) -> Vec<u64> {
        balancer.loads.iter().map(|load| load.in_flight.load(Relaxed)).collect()
    }

    #[test]
    fn an_idle_upstream_is_shared_by_weight() {
        fastrand::seed(11);
        let balancer = LeastRequest::new(&targets(&[5, 1, 1]));
        let mut counts = [0; 3];
        for _ in 0..70_000 {
            let index = balancer.pick(None, &|_| true).unwrap();
            counts[index] += 1;
            balancer.report(index, Outcome::Success);
        }
        // Passed by chance once in a thousand.
        assert!(chi_square(&counts, &[5, 1, 1]) < 13.8, "{counts:?}");
    }

    #[test]
    fn exchanges_in_flight_follow_the_weights_closely() {
        fastrand::seed(12);
        let balancer = LeastRequest::new(&targets(&[4, 2, 1, 1]));
        for _ in 0..8_000 {
            balancer.pick(None, &|_| true);
        }
        for (count, expected) in in_flight(&balancer).into_iter().zip([4_000, 2_000, 1_000, 1_000]) {
            // Chance alone strays by about 30 to 45; two choices stray by a few.
            assert!(count.abs_diff(expected) <= 20, "{:?}", in_flight(&balancer));
        }
    }

    #[test]
    fn a_slow_endpoint_gets_no_more_than_it_finishes() {
        fastrand::seed(13);
        let balancer = LeastRequest::new(&targets(&[1, 1, 1]));
        for _ in 0..3_000 {
            let index = balancer.pick(None, &|_| true).unwrap();
            if index != 0 {
                balancer.report(index, Outcome::Success);
            }
        }
        assert_eq!(in_flight(&balancer), [1, 0, 0], "endpoint 0 never answers and is asked once");
    }

    #[test]
    fn an_endpoint_taken_by_a_director_counts_as_loaded() {
        let balancer = LeastRequest::new(&targets(&[1, 1]));
        balancer.take(0);
        assert_eq!(balancer.pick(None, &|_| true), Some(1));
    }

    #[test]
    fn nothing_is_in_flight_when_every_pick_of_every_thread_is_reported() {
        let balancer = LeastRequest::new(&targets(&[3, 2, 1]));
        std::thread::scope(|scope| {
            for outcome in [Outcome::Success, Outcome::Failure, Outcome::Abandoned] {
                let balancer = &balancer;
                scope.spawn(move || {
                    for _ in 0..10_000 {
                        balancer.take(2);
                        balancer.report(balancer.pick(None, &|_| true).unwrap(), outcome);
                        balancer.report(2, outcome);
                    }
                });
            }
        });
        assert_eq!(in_flight(&balancer), [0, 0, 0]);
    }

    #[test]
    fn what_is_in_flight_still_counts_when_another_balancer_takes_over() {
        let before = LeastRequest::new(&targets(&[1, 1]));
        before.take(1);
        let mut after = LeastRequest::new(&targets(&[1, 1]));
        after.go_on(&before, &[Some(1), None]);
        assert_eq!(in_flight(&after), [1, 0]);
        before.report(1, Outcome::Success);
        assert_eq!(in_flight(&after), [0, 0]);
    }

    #[test]
    fn a_report_too_many_leaves_the_count_at_zero() {
        let balancer = LeastRequest::new(&targets(&[1]));
        balancer.report(0, Outcome::Success);
        assert_eq!(in_flight(&balancer), [0]);
    }
}
