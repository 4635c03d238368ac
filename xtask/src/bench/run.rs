//! One measurement, and how it is stored.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::scenario::Scenario;

/// What was measured of one proxy in one scenario in one round.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    pub(crate) round: u32,
    pub(crate) scenario: String,
    pub(crate) peer: String,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Requests in a second: what was offered in the scenario that has a rate, else what went.
    pub(crate) rate: f64,
    /// CPU time of the proxy's processes for each request, in microseconds.
    pub(crate) user: f64,
    pub(crate) kernel: f64,
    /// Share of its processor that the proxy had.
    pub(crate) busy: f64,
    /// The largest share of one of the two processors that something else had.
    pub(crate) foreign: f64,
    /// MiB in RAM.
    pub(crate) resident: f64,
    /// Milliseconds; 0 where latency was not asked for.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// The names of the columns, which are the fields in their order.
const HEADER: &str = "round\tscenario\tpeer\trequests\terrors\trate\tuser_us\tkernel_us\tbusy\tforeign\tresident_mib\tp50_ms\tp99_ms";

impl Run {
    /// Microseconds of CPU time for each request.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.kernel
    }

    pub(crate) fn is_of(&self, scenario: Scenario, peer: &str) -> bool {
        self.scenario == scenario.name() && self.peer == peer
    }

    fn line(&self) -> String {
        let Self { round, scenario, peer, requests, errors, .. } = self;
        let numbers =
            [self.rate, self.user, self.kernel, self.busy, self.foreign, self.resident, self.p50, self.p99];
        let numbers = numbers.map(|number| format!("\t{number:.3}")).concat();
        format!("{round}\t{scenario}\t{peer}\t{requests}\t{errors}{numbers}")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut columns = line.split('\t');
        let (round, scenario, peer) = (columns.next()?.parse().ok()?, columns.next()?, columns.next()?);
        let (requests, errors) = (columns.next()?.parse().ok()?, columns.next()?.parse().ok()?);
        let mut number = || columns.next()?.parse().ok();
        Some(Self {
            round,
            scenario: scenario.to_owned(),
            peer: peer.to_owned(),
            requests,
            errors,
            rate: number()?,
            user: number()?,
            kernel: number()?,
            busy: number()?,
            foreign: number()?,
            resident: number()?,
            p50: number()?,
            p99: number()?,
        })
    }
}

/// The runs that were stored; none where there is no such file.
pub(crate) fn load(file: &Path) -> Result<Vec<Run>> {
    let Ok(text) = fs::read_to_string(file) else { return Ok(Vec::new()) };
    let parse = |line| Run::parse(line).with_context(|| format!("{}: no run: {line}", file.display()));
    text.lines().skip(1).map(parse).collect()
}

/// Stores the runs.
pub(crate) fn store(file: &Path, runs: &[Run]) -> Result<()> {
    let lines = runs.iter().map(|run| format!("{}\n", run.line()));
    fs::write(file, std::iter::once(format!("{HEADER}\n")).chain(lines).collect::<String>())
        .with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_run_is_read_back() {
        let run = Run {
            round: 3,
            scenario: "plain".to_owned(),
            peer: "nginx".to_owned(),
            requests: 100_000,
            errors: 1,
            rate: 25_000.5,
            user: 5.25,
            kernel: 11.125,
            busy: 0.99,
            foreign: 0.01,
            resident: 14.5,
            p50: 0.5,
            p99: 2.125,
        };
        assert_eq!(Run::parse(&run.line()), Some(run.clone()));
        assert_eq!(run.line().split('\t').count(), HEADER.split('\t').count());
    }
}
