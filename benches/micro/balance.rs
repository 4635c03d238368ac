//! A pick and its report with each algorithm, among few and many endpoints, with all of them well and with a bad one.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use gatewright::balance::{Algorithm, Balancer, Outcome, Target, build};

/// The default of an upstream.
const MAX_FAILS: u32 = 3;

/// The endpoint that something is wrong with.
const BAD: usize = 1;

/// What is wrong with it.
const STATES: [State; 3] = [
    State { name: "well", usable: true, outcome: Outcome::Success },
    // It is still asked, and fails each time.
    State { name: "failing", usable: true, outcome: Outcome::Failure },
    State { name: "out", usable: false, outcome: Outcome::Success },
];

struct State {
    name: &'static str,
    usable: bool,
    outcome: Outcome,
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let keys: Vec<_> = (0..1024).map(|key| format!("user-{key}")).collect();
    for algorithm in Algorithm::ALL {
        let mut group = criterion.benchmark_group(format!("balance/{algorithm}"));
        for endpoints in [3, 100] {
            for state in &STATES {
                let balancer = build(algorithm, &targets(endpoints), MAX_FAILS);
                let mut key = keys.iter().cycle();
                group.bench_function(BenchmarkId::new(state.name, endpoints), |bencher| {
                    bencher.iter(|| state.exchange(balancer.as_ref(), key.next().unwrap().as_bytes()));
                });
            }
        }
    }
}

impl State {
    fn exchange(&self, balancer: &dyn Balancer, key: &[u8]) {
        let usable = |index| self.usable || index != BAD;
        let picked = balancer.pick(Some(black_box(key)), &usable).unwrap();
        balancer.report(picked, if picked == BAD { self.outcome } else { Outcome::Success });
    }
}

/// Weights from 1 to 5.
fn targets(endpoints: u32) -> Vec<Target> {
    (0..endpoints).map(|place| Target { id: format!("10.0.0.{place}:8080"), weight: 1 + place % 5 }).collect()
}
