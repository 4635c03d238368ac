//! `round_robin`: each in turn.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Balancer, Outcome, Target};

/// Picks each in turn; of the weights only 0 counts.
#[derive(Debug)]
pub(super) struct RoundRobin {
    /// Indices of the targets whose weight is not 0.
    ring: Box<[usize]>,
    /// Where in `ring` the next pick starts looking. It goes one past whom was picked, not one up: else the one behind an
    /// unusable endpoint would inherit all of that endpoint's turns.
    next: AtomicUsize,
}

impl RoundRobin {
    pub(super) fn new(targets: &[Target]) -> Self {
        let weighty = targets.iter().enumerate().filter(|(_, target)| target.weight > 0);
        Self { ring: weighty.map(|(index, _)| index).collect(), next: AtomicUsize::new(0) }
    }

    /// The first usable place in the ring from `start` on, and who is there.
    fn first_usable(&self, start: usize, usable: &dyn Fn(usize) -> bool) -> Option<(usize, usize)> {
        let places = self.ring.iter().copied().enumerate();
        places.clone().skip(start).chain(places.take(start)).find(|&(_, index)| usable(index))
    }
}

impl Balancer for RoundRobin {
    fn pick(&self, _key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut start = self.next.load(Relaxed);
        loop {
            let (place, index) = self.first_usable(start, usable)?;
            // Another worker may have had this turn meanwhile: then look again from where it left off.
            match self.next.compare_exchange_weak(start, (place + 1) % self.ring.len(), Relaxed, Relaxed) {
                Ok(_) => return Some(index),
                Err(moved) => start = moved,
            }
        }
    }

    fn report(&self, _index: usize, _outcome: Outcome) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::laws::targets;

    fn picks(weights: &[u32], count: usize, usable: &dyn Fn(usize) -> bool) -> Vec<usize> {
        let balancer = RoundRobin::new(&targets(weights));
        (0..count).map(|_| balancer.pick(None, usable).unwrap()).collect()
    }

    #[test]
    fn each_has_its_turn_whatever_its_weight() {
        assert_eq!(picks(&[5, 1, 9], 7, &|_| true), [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn the_turns_of_an_unusable_one_are_shared_by_all_others() {
        assert_eq!(picks(&[1, 1, 1, 1], 6, &|index| index != 1), [0, 2, 3, 0, 2, 3]);
    }

    #[test]
    fn weight_zero_has_no_turn() {
        assert_eq!(picks(&[1, 0, 1], 4, &|_| true), [0, 2, 0, 2]);
    }
}
