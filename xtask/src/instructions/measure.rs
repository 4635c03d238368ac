use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::profile::Profile;
use crate::bench::peers::{Gatewright, Peer as _};
use crate::bench::scenario::Task;
use crate::bench::server::{Server, within};
use crate::bench::site::Site;
use crate::bench::{backend, load, probe};

/// Requests of the shorter and of the longer run. Their difference is free of start and stop, and of the first requests.
const REQUESTS: [u32; 2] = [1000, 3000];

/// Under callgrind everything takes fifty times as long, compiling a plugin first of all, and the machine may be busy.
const START: Duration = Duration::from_secs(600);

/// Two runs of one configuration.
pub(super) struct Measured {
    shorter: Profile,
    longer: Profile,
}

impl Measured {
    pub(super) fn per_request(&self) -> u64 {
        each(self.longer.total, self.shorter.total).round() as u64
    }

    /// Instructions of each function's own for each request, the most expensive first.
    pub(super) fn functions(&self) -> Vec<(String, f64)> {
        let before: &HashMap<_, _> = &self.shorter.functions;
        let function = |(name, cost): (&String, &u64)| {
            (name.clone(), each(*cost, before.get(name).copied().unwrap_or(0)))
        };
        let mut functions: Vec<_> = self.longer.functions.iter().map(function).collect();
        functions.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        functions
    }
}

fn each(longer: u64, shorter: u64) -> f64 {
    let [few, many] = REQUESTS;
    (longer as f64 - shorter as f64) / f64::from(many - few)
}

/// Runs the gateway twice.
pub(super) fn measure(gateway: &Gatewright, task: Task) -> Result<Measured> {
    let [few, many] = REQUESTS;
    Ok(Measured { shorter: count(gateway, task, few)?, longer: count(gateway, task, many)? })
}

/// That what counts is here.
pub(super) fn check_tools() -> Result<()> {
    let found = Command::new("valgrind").arg("--version").output();
    found.context("valgrind is not here (Debian: valgrind)")?;
    load::check_tools()
}

fn count(gateway: &Gatewright, task: Task, requests: u32) -> Result<Profile> {
    let site = Site::open()?;
    let _backends = backend::start(&site)?;
    let out = site.folder.join("callgrind.out");
    let server = Server::start(&under_callgrind(&gateway.command(&site, task)?, &out), &site.log("gateway"))?;
    let server = server.listens(site.port, START)?;
    probe::check(&site, task)?;
    let load = load::requests(&site, requests)?;
    ensure!(load.requests == u64::from(requests), "only {} of {requests} requests succeeded", load.requests);
    // It drains, and callgrind writes when it has ended.
    server.interrupt(START)?;
    let text = fs::read_to_string(&out).with_context(|| out.display().to_string())?;
    Profile::parse(&text).context("callgrind wrote something new")
}

fn under_callgrind(command: &Command, out: &Path) -> Command {
    let mut callgrind = Command::new("valgrind");
    callgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    within(callgrind, command)
}
