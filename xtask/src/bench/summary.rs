//! What the runs say together.

use std::collections::HashMap;

use super::run::Run;
use super::scenario::Scenario;

/// More of a processor than this in other hands, and a run says little about the proxy.
pub(crate) const MAX_FOREIGN: f64 = 0.05;

/// The middle of several rounds, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// None of nothing.
    pub(crate) fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<_> = numbers.into_iter().collect();
        numbers.sort_by(f64::total_cmp);
        let (lower, upper) =
            (numbers.get(numbers.len().checked_sub(1)? / 2)?, numbers.get(numbers.len() / 2)?);
        let median = (lower + upper) / 2.0;
        Some(Self { median, least: *numbers.first()?, most: *numbers.last()? })
    }
}

/// One proxy in one scenario.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) peer: &'a str,
    /// The rounds that count.
    pub(crate) runs: Vec<&'a Run>,
    /// Microseconds of CPU time for each request.
    pub(crate) cpu: Spread,
    /// The same over nginx's in the same scenario and round, where there is any.
    pub(crate) ratio: Option<Spread>,
    /// The same over nginx's in the plain scenario of that round.
    pub(crate) to_plain: Option<Spread>,
    /// The p99 over nginx's in that round, where latency was measured.
    pub(crate) p99_ratio: Option<Spread>,
}

impl Line<'_> {
    /// The median of something in its runs.
    pub(crate) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        Spread::of(self.runs.iter().map(|run| of(run))).map_or(0.0, |spread| spread.median)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.runs.iter().map(|run| run.errors).sum()
    }
}

/// The lines of a scenario, in the order of `peers`. Peers without a run that counts have none.
pub(crate) fn lines<'a>(runs: &'a [Run], scenario: Scenario, peers: &[&'a str]) -> Vec<Line<'a>> {
    let nginx = by_round(runs, scenario);
    let plain = by_round(runs, Scenario::Plain);
    let line = |peer: &&'a str| {
        let runs: Vec<_> = runs.iter().filter(|run| run.is_of(scenario, peer) && counts(run)).collect();
        Some(Line {
            peer,
            cpu: Spread::of(runs.iter().map(|run| run.cpu()))?,
            ratio: ratios(&runs, &nginx, Run::cpu),
            to_plain: ratios(&runs, &plain, Run::cpu),
            p99_ratio: ratios(&runs, &nginx, |run| run.p99),
            runs,
        })
    };
    peers.iter().filter_map(line).collect()
}

/// Whether the machine was quiet enough.
pub(crate) fn counts(run: &Run) -> bool {
    run.foreign <= MAX_FOREIGN
}

/// nginx's runs in a scenario.
fn by_round(runs: &[Run], scenario: Scenario) -> HashMap<u32, &Run> {
    let nginx = runs.iter().filter(|run| run.is_of(scenario, "nginx") && counts(run));
    nginx.map(|run| (run.round, run)).collect()
}

fn ratios(runs: &[&Run], nginx: &HashMap<u32, &Run>, of: impl Fn(&Run) -> f64) -> Option<Spread> {
    let ratio = |run: &&Run| {
        let base = of(nginx.get(&run.round)?);
        (base > 0.0).then(|| of(run) / base)
    };
    Spread::of(runs.iter().filter_map(ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(round: u32, scenario: Scenario, peer: &str, cpu: f64) -> Run {
        Run {
            round,
            scenario: scenario.name().to_owned(),
            peer: peer.to_owned(),
            user: cpu,
            ..Run::default()
        }
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        let spread = |median, least, most| Some(Spread { median, least, most });
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([3.0]), spread(3.0, 3.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0]), spread(2.5, 1.0, 4.0));
        assert_eq!(Spread::of([9.0, 1.0, 2.0]), spread(2.0, 1.0, 9.0));
    }

    #[test]
    fn ratios_are_to_nginx_in_the_same_round() {
        let runs = [
            run(1, Scenario::Close, "nginx", 40.0),
            run(1, Scenario::Close, "envoy", 80.0),
            run(1, Scenario::Plain, "nginx", 20.0),
            // A slow round, for both.
            run(2, Scenario::Close, "nginx", 80.0),
            run(2, Scenario::Close, "envoy", 160.0),
            // Nothing to compare with.
            run(3, Scenario::Close, "envoy", 500.0),
        ];
        let lines = lines(&runs, Scenario::Close, &["nginx", "envoy", "caddy"]);
        assert_eq!(lines.iter().map(|line| line.peer).collect::<Vec<_>>(), ["nginx", "envoy"]);
        let envoy = lines.last().unwrap();
        assert_eq!(envoy.runs.len(), 3);
        assert_eq!(envoy.ratio, Some(Spread { median: 2.0, least: 2.0, most: 2.0 }));
        assert_eq!(envoy.to_plain, Some(Spread { median: 4.0, least: 4.0, most: 4.0 }));
        assert_eq!(envoy.p99_ratio, None);
    }

    #[test]
    fn a_run_on_a_busy_machine_does_not_count() {
        let quiet = run(1, Scenario::Plain, "nginx", 20.0);
        let loud = Run { foreign: 0.2, ..run(2, Scenario::Plain, "nginx", 90.0) };
        let runs = [quiet, loud];
        let lines = lines(&runs, Scenario::Plain, &["nginx"]);
        assert_eq!(lines.first().unwrap().cpu.most, 20.0);
    }
}
