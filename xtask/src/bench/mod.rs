//! `cargo xtask bench`: the gateway beside other proxies on this machine.
//!
//! Each proxy has one worker on a processor of its own; the load and the backends have another. What counts is the CPU
//! time of the proxy's processes for each request: on a shared machine it moves far less than requests in a second.
//! `docs/performance.md` has the method and the figures.

pub(crate) mod backend;
mod chart;
mod docs;
pub(crate) mod load;
pub(crate) mod machine;
mod options;
pub(crate) mod peers;
pub(crate) mod probe;
mod report;
mod rounds;
mod run;
pub(crate) mod scenario;
pub(crate) mod server;
pub(crate) mod site;
mod summary;
mod usage;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::house;
use options::Options;
use peers::Peer;
use report::Facts;
use rounds::Rounds;
use run::Run;
use site::Site;

/// Measures, and writes table, picture and runs into the folder.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::parse(arguments)?;
    site::check_cpus()?;
    load::check_tools()?;
    let peers = peers::find(&options.peers)?;
    ensure!(peers.iter().any(|peer| peer.name() == "nginx"), "ratios are to nginx, and it is not here");
    let folder = options.out.clone().map_or_else(|| Ok(house::target()?.join("bench")), anyhow::Ok)?;
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let runs = measure(&options, &peers, &folder.join("runs.tsv"))?;
    publish(&runs, &facts(&peers)?, &folder, options.docs)
}

/// All rounds. What is measured is stored at once, so that nothing is lost where it is ended early.
fn measure(options: &Options, peers: &[Box<dyn Peer>], file: &Path) -> Result<Vec<Run>> {
    let mut runs = if options.append { run::load(file)? } else { Vec::new() };
    let before = runs.iter().map(|run| run.round).max().unwrap_or(0);
    let site = Site::open()?;
    let backends = backend::start(&site)?;
    let mut rounds =
        Rounds { site: &site, peers, backends: &backends, seconds: options.seconds, failed: HashSet::new() };
    for round in before + 1..=before + options.rounds {
        rounds.round(round, &options.scenarios, |run| {
            say(&run);
            runs.push(run);
            run::store(file, &runs)
        })?;
    }
    Ok(runs)
}

fn say(run: &Run) {
    let Run { round, scenario, peer, errors, rate, p99, .. } = run;
    let latency = if *p99 > 0.0 { format!(", p99 {p99:.2} ms") } else { String::new() };
    let foreign = 100.0 * run.foreign;
    println!(
        "xtask: round {round} {scenario:7} {peer:10} {:6.1} µs, {rate:6.0}/s{latency}, {errors} errors, {foreign:.1} % foreign",
        run.cpu()
    );
}

fn facts(peers: &[Box<dyn Peer>]) -> Result<Facts> {
    let peer = |peer: &dyn Peer| [peer.name(), peer.version(), peer.logic()].map(str::to_owned);
    Ok(Facts {
        date: machine::date()?,
        commit: machine::commit()?,
        machine: machine::describe(),
        peers: peers.iter().map(|it| peer(it.as_ref())).collect(),
    })
}

fn publish(runs: &[Run], facts: &Facts, folder: &Path, docs: bool) -> Result<()> {
    let (table, picture) = (report::markdown(runs, facts), chart::svg(runs, facts));
    fs::write(folder.join("table.md"), &table)?;
    fs::write(folder.join("chart.svg"), &picture)?;
    println!("\n{table}\nxtask: table.md, chart.svg and runs.tsv are in {}", folder.display());
    if docs {
        docs::publish(&table, &picture)?;
    }
    Ok(())
}
