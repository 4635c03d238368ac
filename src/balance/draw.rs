//! Drawing an endpoint by chance and weight.

use super::Target;

/// How often to draw from all before looking at who is allowed. With half the weight out of use, 1 draw in 16 still misses.
const TRIES: usize = 4;

/// Draws an index with probability proportional to its weight.
#[derive(Debug)]
pub(super) struct WeightedDraw {
    /// For each target, the sum of the weights up to and including its own: target `i` owns the tickets below `ends[i]`
    /// that no earlier target owns, so weight 0 owns none.
    ends: Box<[u64]>,
}

impl WeightedDraw {
    pub(super) fn new(targets: &[Target]) -> Self {
        let running = targets.iter().scan(0, |sum, target| {
            *sum += u64::from(target.weight);
            Some(*sum)
        });
        Self { ends: running.collect() }
    }

    /// Draws among the allowed.
    ///
    /// Drawing from all and throwing misses away gives the allowed their proportional shares in O(log n); only when that
    /// fails a few times is everyone asked.
    pub(super) fn draw(&self, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let total = *self.ends.last().filter(|&&total| total > 0)?;
        (0..TRIES)
            .map(|_| self.owner(fastrand::u64(..total)))
            .find(|&index| allowed(index))
            .or_else(|| self.draw_in_one_pass(allowed))
    }

    fn owner(&self, ticket: u64) -> usize {
        self.ends.partition_point(|&end| end <= ticket)
    }

    /// Keeps each allowed target with probability weight / (sum so far), which leaves each with its share at the end. One
    /// pass, because whom `allowed` allows may change between two.
    fn draw_in_one_pass(&self, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let (mut start, mut sum, mut kept) = (0, 0, None);
        for (index, &end) in self.ends.iter().enumerate() {
            let weight = end - start;
            start = end;
            if weight > 0 && allowed(index) {
                sum += weight;
                if fastrand::u64(..sum) < weight {
                    kept = Some(index);
                }
            }
        }
        kept
    }
}
