//! The laws that every algorithm keeps: one test body for all.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{Algorithm, Balancer, Outcome, Target, build};

/// Targets with these weights and distinct ids.
pub(super) fn targets(weights: &[u32]) -> Vec<Target> {
    let ids = (1..).map(|n| format!("10.0.0.{n}:8080"));
    ids.zip(weights).map(|(id, &weight)| Target { id, weight }).collect()
}

/// How far counts stray from shares: the sum of (seen − expected)² / expected.
pub(super) fn chi_square(counts: &[usize], shares: &[usize]) -> f64 {
    let (seen, parts): (usize, usize) = (counts.iter().sum(), shares.iter().sum());
    let terms = counts.iter().zip(shares).map(|(&count, &share)| {
        if share == 0 {
            assert_eq!(count, 0, "no share, no picks");
            return 0.0;
        }
        let expected = seen as f64 * share as f64 / parts as f64;
        (count as f64 - expected).powi(2) / expected
    });
    terms.sum()
}

/// Runs a law on every algorithm, with the weights it asks for.
fn every_algorithm(weights: &[u32], law: impl Fn(&dyn Balancer)) {
    for algorithm in Algorithm::ALL {
        println!("{algorithm}");
        law(&*build(algorithm, &targets(weights), 3));
    }
}

/// Picks with and without keys, reporting each outcome in turn.
fn picks<'a>(
    balancer: &'a dyn Balancer,
    usable: &'a dyn Fn(usize) -> bool,
) -> impl Iterator<Item = Option<usize>> + 'a {
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Abandoned].into_iter().cycle();
    (0..1_000).zip(outcomes).map(move |(n, outcome)| {
        let key = format!("key-{n}");
        let picked = balancer.pick((n % 3 > 0).then_some(key.as_bytes()), usable);
        if let Some(index) = picked {
            balancer.report(index, outcome);
        }
        picked
    })
}

#[test]
fn only_usable_endpoints_are_picked_and_each_of_them_is() {
    every_algorithm(&[1, 2, 3, 4, 5], |balancer| {
        let usable = |index| index == 1 || index == 4;
        let mut seen = [0; 5];
        for index in picks(balancer, &usable) {
            seen[index.unwrap()] += 1;
        }
        assert!(seen[1] > 0 && seen[4] > 0 && seen[1] + seen[4] == 1_000, "{seen:?}");
    });
}

#[test]
fn the_only_usable_endpoint_is_always_picked() {
    every_algorithm(&[1_000, 1, 1_000], |balancer| {
        assert!(picks(balancer, &|index| index == 1).all(|index| index == Some(1)));
    });
}

#[test]
fn nobody_usable_means_no_pick() {
    every_algorithm(&[1, 2, 3], |balancer| assert!(picks(balancer, &|_| false).all(|index| index.is_none())));
}

#[test]
fn no_endpoints_means_no_pick() {
    every_algorithm(&[], |balancer| assert!(picks(balancer, &|_| true).all(|index| index.is_none())));
}

#[test]
fn all_zero_weights_mean_no_pick() {
    every_algorithm(&[0, 0], |balancer| assert!(picks(balancer, &|_| true).all(|index| index.is_none())));
}

#[test]
fn a_single_endpoint_is_always_picked_even_while_it_fails() {
    every_algorithm(&[1], |balancer| {
        for _ in 0..100 {
            assert_eq!(balancer.pick(None, &|_| true), Some(0));
            balancer.report(0, Outcome::Failure);
        }
    });
}

#[test]
fn weight_zero_is_never_picked_not_even_as_the_last_one_usable() {
    every_algorithm(&[0, 3, 0, 1], |balancer| {
        assert!(picks(balancer, &|_| true).all(|index| matches!(index, Some(1 | 3))));
        assert!(picks(balancer, &|index| index == 2).all(|index| index.is_none()));
    });
}

#[test]
fn the_largest_weights_do_not_overflow() {
    every_algorithm(&[u32::MAX; 3], |balancer| {
        balancer.take(0);
        assert!(picks(balancer, &|_| true).all(|index| index.is_some()));
    });
}

#[test]
fn a_report_of_an_unknown_endpoint_is_ignored() {
    every_algorithm(&[1], |balancer| {
        balancer.take(7);
        balancer.report(7, Outcome::Failure);
        assert_eq!(balancer.pick(None, &|_| true), Some(0));
    });
}

#[test]
fn an_endpoint_that_comes_back_is_picked_again() {
    every_algorithm(&[1, 1, 1], |balancer| {
        assert!(picks(balancer, &|index| index != 0).all(|index| index != Some(0)));
        assert!(picks(balancer, &|_| true).any(|index| index == Some(0)));
    });
}

/// Targets by chance, with who of them is usable.
fn drawn() -> (Vec<Target>, Vec<bool>) {
    let count = fastrand::usize(1..9);
    let weights: Vec<_> = (0..count).map(|_| fastrand::u32(0..6)).collect();
    (targets(&weights), (0..count).map(|_| fastrand::u8(..3) > 0).collect())
}

#[test]
fn whoever_may_be_picked_there_is_a_pick_exactly_if_one_may() {
    fastrand::seed(5);
    for round in 0..300 {
        let (targets, mut usable) = drawn();
        for algorithm in Algorithm::ALL {
            let balancer = build(algorithm, &targets, fastrand::u32(0..4));
            for outcome in
                [Outcome::Success, Outcome::Failure, Outcome::Abandoned].into_iter().cycle().take(60)
            {
                // Health comes and goes while it picks.
                let changed = fastrand::usize(..usable.len());
                usable[changed] = fastrand::bool();
                let may = |index: usize| usable[index] && targets[index].weight > 0;
                let key = fastrand::u16(..).to_le_bytes();
                let picked = balancer.pick(fastrand::bool().then_some(&key[..]), &|index| usable[index]);
                let what =
                    format!("round {round}: {algorithm} picks {picked:?} of {targets:?}, usable {usable:?}");
                assert_eq!(picked.is_some(), (0..targets.len()).any(may), "{what}");
                if let Some(index) = picked {
                    assert!(may(index), "{what}");
                    balancer.report(index, outcome);
                }
            }
        }
    }
}

#[test]
fn algorithms_that_take_turns_give_each_endpoint_its_share_in_every_round() {
    fastrand::seed(6);
    for _ in 0..300 {
        let (targets, mut usable) = drawn();
        usable[0] |= usable.iter().zip(&targets).all(|(usable, target)| !usable || target.weight == 0);
        let shares = |algorithm| {
            let share = |(target, usable): (&Target, &bool)| match algorithm {
                _ if !usable => 0,
                Algorithm::RoundRobin => target.weight.min(1),
                _ => target.weight,
            };
            targets.iter().zip(&usable).map(share).collect::<Vec<_>>()
        };
        for algorithm in [Algorithm::RoundRobin, Algorithm::WeightedRoundRobin] {
            let (balancer, shares) = (build(algorithm, &targets, 3), shares(algorithm));
            for _ in 0..3 {
                let mut seen = vec![0; targets.len()];
                for _ in 0..shares.iter().sum() {
                    seen[balancer.pick(None, &|index| usable[index]).unwrap()] += 1;
                }
                assert_eq!(seen, shares, "{algorithm} of {targets:?}");
            }
        }
    }
}

#[test]
fn a_key_stays_where_it_is_while_its_endpoint_does() {
    fastrand::seed(7);
    for _ in 0..100 {
        let (targets, usable) = drawn();
        let balancer = build(Algorithm::ConsistentHash, &targets, 3);
        for key in (0..50).map(|_| fastrand::u64(..).to_le_bytes()) {
            let pick = |usable: &dyn Fn(usize) -> bool| {
                let picked = balancer.pick(Some(&key), usable);
                picked.inspect(|index| balancer.report(*index, Outcome::Success))
            };
            let Some(home) = pick(&|index| usable[index]) else { continue };
            for other in 0..targets.len() {
                let without = |index| usable[index] && index != other;
                let moved = pick(&without);
                assert!(if other == home { moved != Some(home) } else { moved == Some(home) });
            }
        }
    }
}

#[test]
fn picks_from_many_threads_are_all_answered_and_leave_a_fair_balancer() {
    every_algorithm(&[2, 2, 2], |balancer| {
        let counts = [const { AtomicUsize::new(0) }; 3];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for index in picks(balancer, &|_| true).flatten() {
                        counts[index].fetch_add(1, Relaxed);
                    }
                });
            }
        });
        let counts = counts.map(AtomicUsize::into_inner);
        assert_eq!(counts.iter().sum::<usize>(), 4_000);
        assert!(counts.iter().all(|&count| (800..1_900).contains(&count)), "{counts:?}");
    });
}
