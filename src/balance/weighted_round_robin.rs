//! `weighted_round_robin`: nginx's smooth one.

use parking_lot::Mutex;

use super::{Balancer, Outcome, Target};

/// Spreads each endpoint's turns evenly instead of in bursts: weights 5,1,1 give a a b a c a a.
///
/// At each pick every usable endpoint earns its effective weight; the richest is picked and pays what all earned together.
/// A failure lowers an endpoint's effective weight, and each pick it takes part in gives one back, so a flaky endpoint is
/// asked less until it has proved itself.
#[derive(Debug)]
pub(super) struct WeightedRoundRobin {
    scores: Mutex<Box<[Score]>>,
}

/// nginx's three weights of one endpoint. Signed, because the current weight of whom was just picked is below zero.
#[derive(Debug)]
struct Score {
    weight: i64,
    effective: i64,
    current: i64,
    /// What one failure takes off the effective weight.
    penalty: i64,
}

impl Score {
    fn new(weight: u32, max_fails: u32) -> Self {
        let penalty = weight.checked_div(max_fails).unwrap_or(0);
        Self { weight: weight.into(), effective: weight.into(), current: 0, penalty: penalty.into() }
    }

    /// Takes part in a pick; answers what it earned.
    fn earn(&mut self) -> i64 {
        let earned = self.effective;
        self.current += earned;
        self.effective = self.weight.min(earned + 1);
        earned
    }

    fn fail(&mut self) {
        self.effective = (self.effective - self.penalty).max(0);
    }
}

impl WeightedRoundRobin {
    pub(super) fn new(targets: &[Target], max_fails: u32) -> Self {
        let scores = targets.iter().map(|target| Score::new(target.weight, max_fails));
        Self { scores: Mutex::new(scores.collect()) }
    }
}

impl Balancer for WeightedRoundRobin {
    fn pick(&self, _key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut scores = self.scores.lock();
        let mut earned = 0;
        let mut best: Option<(usize, &mut Score)> = None;
        for (index, score) in scores.iter_mut().enumerate() {
            if score.weight == 0 || !usable(index) {
                continue;
            }
            earned += score.earn();
            if best.as_ref().is_none_or(|(_, richest)| score.current > richest.current) {
                best = Some((index, score));
            }
        }
        let (index, score) = best?;
        score.current -= earned;
        Some(index)
    }

    fn report(&self, index: usize, outcome: Outcome) {
        if outcome == Outcome::Failure
            && let Some(score) = self.scores.lock().get_mut(index)
        {
            score.fail();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::balance::laws::targets;
    use crate::balance::recording::Recording;

    fn assert_replays(recording: &str) {
        let recording = Recording::parse(recording);
        let balancer = WeightedRoundRobin::new(&recording.targets, 0);
        for (turn, pick) in recording.picks.iter().enumerate() {
            assert_eq!(balancer.pick(None, &|_| true).as_slice(), pick, "turn {turn}");
        }
    }

    #[test]
    fn picks_what_nginx_picks_for_5_1_1() {
        assert_replays(include_str!("../../tests/nginx/smooth_5_1_1.txt"));
    }

    #[test]
    fn picks_what_nginx_picks_for_4_3_2() {
        assert_replays(include_str!("../../tests/nginx/smooth_4_3_2.txt"));
    }

    #[test]
    fn picks_what_nginx_picks_for_3_2_1() {
        assert_replays(include_str!("../../tests/nginx/smooth_3_2_1.txt"));
    }

    #[test]
    fn picks_what_nginx_picks_for_10_1() {
        assert_replays(include_str!("../../tests/nginx/smooth_10_1.txt"));
    }

    #[test]
    fn picks_what_nginx_picks_while_an_endpoint_fails_and_goes_out() {
        const MAX_FAILS: u32 = 4;
        let recording = Recording::parse(include_str!("../../tests/nginx/smooth_failing.txt"));
        let balancer = WeightedRoundRobin::new(&recording.targets, MAX_FAILS);
        let mut failures = vec![0; recording.targets.len()];
        for (turn, picks) in recording.picks.iter().enumerate() {
            let mut tried = HashSet::new();
            for (&expected, left) in picks.iter().zip((0..picks.len()).rev()) {
                let usable = |index| failures[index] < MAX_FAILS && !tried.contains(&index);
                assert_eq!(balancer.pick(None, &usable), Some(expected), "turn {turn}");
                tried.insert(expected);
                if left == 0 {
                    balancer.report(expected, Outcome::Success);
                } else {
                    failures[expected] += 1;
                    balancer.report(expected, Outcome::Failure);
                }
            }
        }
        assert_eq!(failures, [MAX_FAILS, 0, 0], "the recording covers an endpoint going out");
    }

    fn picks(balancer: &WeightedRoundRobin, count: usize) -> Vec<usize> {
        (0..count).map(|_| balancer.pick(None, &|_| true).unwrap()).collect()
    }

    #[test]
    fn a_failed_endpoint_rests_and_creeps_back() {
        let balancer = WeightedRoundRobin::new(&targets(&[4, 4]), 1);
        balancer.report(0, Outcome::Failure);
        assert_eq!(picks(&balancer, 12), [1, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn an_abandoned_exchange_costs_no_weight() {
        let balancer = WeightedRoundRobin::new(&targets(&[2, 2]), 1);
        balancer.report(0, Outcome::Abandoned);
        assert_eq!(picks(&balancer, 4), [0, 1, 0, 1]);
    }

    #[test]
    fn failures_cost_no_weight_without_max_fails() {
        let balancer = WeightedRoundRobin::new(&targets(&[2, 2]), 0);
        balancer.report(0, Outcome::Failure);
        assert_eq!(picks(&balancer, 4), [0, 1, 0, 1]);
    }
}
