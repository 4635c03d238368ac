//! The runs as tables in Markdown.

use std::fmt::Write as _;

use super::run::Run;
use super::scenario::Scenario;
use super::summary::{self, Line, MAX_FOREIGN, Spread};

/// What stands in every report beside the figures.
pub(crate) struct Facts {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) machine: String,
    /// Name, version, and what the header logic is written in.
    pub(crate) peers: Vec<[String; 3]>,
}

impl Facts {
    /// The peers' names.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.peers.iter().map(|[name, ..]| name.as_str()).collect()
    }

    /// A proxy's name in a scenario, with its language where that matters.
    pub(crate) fn label(&self, peer: &str, scenario: Scenario) -> String {
        let found = self.peers.iter().find(|[name, ..]| name == peer);
        match found {
            Some([name, _, logic]) if scenario == Scenario::Logic => format!("{name} ({logic})"),
            _ => peer.to_owned(),
        }
    }
}

/// Both tables and what they were measured with.
pub(crate) fn markdown(runs: &[Run], facts: &Facts) -> String {
    let mut text = String::new();
    let versions =
        facts.peers.iter().map(|[name, version, _]| format!("{name} {version}")).collect::<Vec<_>>();
    let _ = writeln!(
        text,
        "{}, commit {}; {}; {}.\n",
        facts.date,
        facts.commit,
        versions.join(", "),
        facts.machine
    );
    cpu(&mut text, runs, facts);
    latency(&mut text, runs, facts);
    left_out(&mut text, runs);
    text
}

fn cpu(text: &mut String, runs: &[Run], facts: &Facts) {
    let scenarios = Scenario::ALL.into_iter().filter(|scenario| *scenario != Scenario::Latency);
    let tables: Vec<_> =
        scenarios.map(|scenario| (scenario, summary::lines(runs, scenario, &facts.names()))).collect();
    if tables.iter().all(|(_, lines)| lines.is_empty()) {
        return;
    }
    text.push_str(
        "| scenario | proxy | µs of CPU per request | × nginx | × nginx plain | in the kernel | requests/s | CPU busy | MiB | errors | rounds |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (scenario, lines) in &tables {
        for line in lines {
            cpu_line(text, *scenario, line, facts);
        }
    }
    text.push('\n');
}

fn cpu_line(text: &mut String, scenario: Scenario, line: &Line<'_>, facts: &Facts) {
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {:.0} % | {:.0} | {:.0} % | {:.0} | {} | {} |",
        scenario.name(),
        facts.label(line.peer, scenario),
        spread(line.cpu, 1),
        line.ratio.map_or("–".to_owned(), |ratio| spread(ratio, 2)),
        line.to_plain.map_or("–".to_owned(), |ratio| format!("{:.2}", ratio.median)),
        line.median(|run| 100.0 * run.kernel / run.cpu()),
        line.median(|run| run.rate),
        line.median(|run| 100.0 * run.busy),
        line.median(|run| run.resident),
        line.errors(),
        line.runs.len(),
    );
}

fn latency(text: &mut String, runs: &[Run], facts: &Facts) {
    let lines = summary::lines(runs, Scenario::Latency, &facts.names());
    if lines.is_empty() {
        return;
    }
    text.push_str(
        "| latency | requests/s offered | p50 ms | p99 ms | p99 × nginx | µs of CPU per request | errors | rounds |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for line in lines {
        let p99 = Spread::of(line.runs.iter().map(|run| run.p99));
        let _ = writeln!(
            text,
            "| {} | {:.0} | {:.2} | {} | {} | {} | {} | {} |",
            line.peer,
            line.median(|run| run.rate),
            line.median(|run| run.p50),
            p99.map_or("–".to_owned(), |p99| spread(p99, 2)),
            line.p99_ratio.map_or("–".to_owned(), |ratio| spread(ratio, 2)),
            spread(line.cpu, 1),
            line.errors(),
            line.runs.len(),
        );
    }
    text.push('\n');
}

fn left_out(text: &mut String, runs: &[Run]) {
    let out = runs.iter().filter(|run| !summary::counts(run)).count();
    let _ = writeln!(
        text,
        "Median (least–most) of the rounds. {out} of {} runs are left out, since something else had more than {:.0} % of a processor.",
        runs.len(),
        100.0 * MAX_FOREIGN,
    );
}

fn spread(spread: Spread, digits: usize) -> String {
    let Spread { median, least, most } = spread;
    format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(scenario: &str, peer: &str, user: f64, p99: f64) -> Run {
        let (scenario, peer) = (scenario.to_owned(), peer.to_owned());
        Run {
            round: 1,
            scenario,
            peer,
            user,
            kernel: 10.0,
            rate: 30_000.0,
            busy: 1.0,
            p50: 0.5,
            p99,
            ..Run::default()
        }
    }

    fn facts() -> Facts {
        let peers =
            [["gatewright", "0.1.0", "Wasm"], ["nginx", "1.2.3", "Lua"]].map(|peer| peer.map(str::to_owned));
        let [date, commit, machine] = ["2026-01-01", "abc", "2 × a processor"].map(str::to_owned);
        Facts { date, commit, machine, peers: peers.to_vec() }
    }

    #[test]
    fn the_tables_have_a_line_for_each_proxy_and_scenario() {
        let runs = [
            run("plain", "nginx", 10.0, 0.0),
            run("logic", "nginx", 15.0, 0.0),
            run("logic", "gatewright", 10.0, 0.0),
            run("latency", "nginx", 10.0, 2.0),
            run("latency", "gatewright", 10.0, 1.0),
            Run { foreign: 0.5, ..run("plain", "gatewright", 99.0, 0.0) },
        ];
        let text = markdown(&runs, &facts());
        for line in [
            "2026-01-01, commit abc; gatewright 0.1.0, nginx 1.2.3; 2 × a processor.",
            "| plain | nginx | 20.0 (20.0–20.0) | 1.00 (1.00–1.00) | 1.00 | 50 % | 30000 | 100 % | 0 | 0 | 1 |",
            "| logic | gatewright (Wasm) | 20.0 (20.0–20.0) | 0.80 (0.80–0.80) | 1.00 | 50 % | 30000 | 100 % | 0 | 0 | 1 |",
            "| gatewright | 30000 | 0.50 | 1.00 (1.00–1.00) | 0.50 (0.50–0.50) | 20.0 (20.0–20.0) | 0 | 1 |",
        ] {
            assert!(text.contains(line), "{line}\nis not in\n{text}");
        }
        assert!(text.contains("1 of 6 runs are left out"), "{text}");
        assert!(!text.contains("109"), "{text}");
    }
}
