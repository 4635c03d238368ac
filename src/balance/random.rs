//! `random`: weighted chance.

use super::draw::WeightedDraw;
use super::{Balancer, Outcome, Target};

/// Picks by chance, in proportion to the weights. Has no state, so workers never meet.
#[derive(Debug)]
pub(super) struct Random {
    draw: WeightedDraw,
}

impl Random {
    pub(super) fn new(targets: &[Target]) -> Self {
        Self { draw: WeightedDraw::new(targets) }
    }
}

impl Balancer for Random {
    fn pick(&self, _key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        self.draw.draw(usable)
    }

    fn report(&self, _index: usize, _outcome: Outcome) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::laws::{chi_square, targets};

    const PICKS: usize = 70_000;

    fn counts(weights: &[u32], usable: &dyn Fn(usize) -> bool) -> Vec<usize> {
        fastrand::seed(7);
        let balancer = Random::new(&targets(weights));
        let mut counts = vec![0; weights.len()];
        for _ in 0..PICKS {
            counts[balancer.pick(None, usable).unwrap()] += 1;
        }
        counts
    }

    /// 13.8 is passed by chance once in a thousand with two degrees of freedom.
    const BOUND: f64 = 13.8;

    #[test]
    fn shares_follow_the_weights() {
        assert!(chi_square(&counts(&[5, 1, 1], &|_| true), &[5, 1, 1]) < BOUND);
    }

    #[test]
    fn an_unusable_share_is_spread_over_the_others_by_weight() {
        assert!(chi_square(&counts(&[9, 5, 1, 1], &|index| index != 0), &[0, 5, 1, 1]) < BOUND);
    }

    #[test]
    fn shares_follow_the_weights_when_nearly_all_weight_is_unusable() {
        assert!(chi_square(&counts(&[1_000_000, 5, 1, 1], &|index| index != 0), &[0, 5, 1, 1]) < BOUND);
    }
}
