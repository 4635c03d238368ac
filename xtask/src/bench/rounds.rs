//! Measuring: every proxy in every scenario, then all of it again.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::peers::Peer;
use super::run::Run;
use super::scenario::{Scenario, Task};
use super::server::{Server, pinned};
use super::site::{LOAD_CPU, PROXY_CPU, Site};
use super::{load, probe, usage};

/// What a proxy may take to start.
const START: Duration = Duration::from_secs(20);

/// Share of nginx's peak that is offered where latency is measured: everybody should have time to spare.
const OFFERED: f64 = 0.7;

/// Everything that stays the same between measurements.
pub(crate) struct Rounds<'a> {
    pub(crate) site: &'a Site,
    pub(crate) peers: &'a [Box<dyn Peer>],
    pub(crate) backends: &'a Server,
    pub(crate) seconds: u32,
    /// Who failed in what, and is not asked again.
    pub(crate) failed: HashSet<(&'static str, &'static str)>,
}

impl<'a> Rounds<'a> {
    /// Measures every peer in each of these, one after the other, so that what changes on the machine changes for all. Every
    /// other round goes the other way around.
    pub(crate) fn round(
        &mut self,
        round: u32,
        scenarios: &[Scenario],
        mut found: impl FnMut(Run) -> Result<()>,
    ) -> Result<()> {
        for &scenario in scenarios {
            let rate = self.rate(scenario)?;
            for peer in self.order(round) {
                if let Some(run) = self.try_measure(peer, scenario, rate) {
                    found(Run { round, ..run })?;
                }
            }
        }
        Ok(())
    }

    fn order(&self, round: u32) -> Vec<&'a dyn Peer> {
        let mut peers: Vec<_> = self.peers.iter().map(AsRef::as_ref).collect();
        if round.is_multiple_of(2) {
            peers.reverse();
        }
        peers
    }

    /// None where it fails, now or before.
    fn try_measure(&mut self, peer: &dyn Peer, scenario: Scenario, rate: Option<f64>) -> Option<Run> {
        let pair = (scenario.name(), peer.name());
        if self.failed.contains(&pair) {
            return None;
        }
        let measured = self.measure(peer, scenario, rate);
        if let Err(error) = &measured {
            println!("xtask: {} fails in {}, and is left out: {error:#}", peer.name(), scenario.name());
            self.failed.insert(pair);
        }
        measured.ok()
    }

    /// What is offered, where the scenario has a rate.
    fn rate(&self, scenario: Scenario) -> Result<Option<f64>> {
        match scenario {
            Scenario::Latency => Ok(Some(OFFERED * self.peak()?)),
            _ => Ok(None),
        }
    }

    /// What nginx serves at most.
    fn peak(&self) -> Result<f64> {
        let nginx = self.peers.iter().find(|peer| peer.name() == "nginx").context("no nginx")?;
        let _server = self.start(nginx.as_ref(), Task::default())?;
        load::peak(self.site, 1)?;
        load::peak(self.site, self.seconds.div_ceil(2))
    }

    fn start(&self, peer: &dyn Peer, task: Task) -> Result<Server> {
        let command = pinned(PROXY_CPU, &peer.command(self.site, task)?);
        let server = Server::start(&command, &self.site.log(peer.name()))?.listens(self.site.port, START)?;
        probe::check(self.site, task).map_err(|error| error.context(server.said()))?;
        Ok(server)
    }

    fn measure(&self, peer: &dyn Peer, scenario: Scenario, rate: Option<f64>) -> Result<Run> {
        let server = self.start(peer, scenario.task())?;
        // Where there is a rate, the load has a warm-up of its own.
        if rate.is_none() {
            load::run(self.site, scenario, 1, rate)?;
        }
        let (proxy, backends) = (server.tree(), self.backends.tree());
        let before = Meter::read(&proxy, &backends);
        let load = load::run(self.site, scenario, self.seconds, rate)?;
        let spent = Meter::read(&proxy, &backends).since(&before);
        let requests = load.requests.max(1) as f64;
        Ok(Run {
            round: 0,
            scenario: scenario.name().to_owned(),
            peer: peer.name().to_owned(),
            requests: load.requests,
            errors: load.errors,
            rate: rate.unwrap_or(requests / f64::from(self.seconds)),
            user: spent.proxy.user / requests * 1e6,
            kernel: spent.proxy.kernel / requests * 1e6,
            busy: spent.proxy.total() / spent.elapsed,
            foreign: spent.foreign(),
            resident: usage::resident(&proxy),
            p50: load.latency.map_or(0.0, |latency| latency.p50),
            p99: load.latency.map_or(0.0, |latency| latency.p99),
        })
    }
}

/// What has been used up to a moment, or between two.
struct Meter {
    at: Instant,
    /// Seconds between the two moments.
    elapsed: f64,
    proxy: usage::Time,
    /// Of the backends and of load generators that have ended.
    load: f64,
    /// Of the proxy's processor, and of the load's.
    busy: [f64; 2],
}

impl Meter {
    fn read(proxy: &[u32], backends: &[u32]) -> Self {
        Self {
            at: Instant::now(),
            elapsed: 0.0,
            proxy: usage::time(proxy),
            load: usage::time(backends).total() + usage::time_of_ended().total(),
            busy: [PROXY_CPU, LOAD_CPU].map(usage::busy),
        }
    }

    fn since(self, earlier: &Self) -> Self {
        let ([proxy, load], [proxy_before, load_before]) = (self.busy, earlier.busy);
        Self {
            elapsed: (self.at - earlier.at).as_secs_f64().max(f64::EPSILON),
            proxy: self.proxy.since(earlier.proxy),
            load: self.load - earlier.load,
            busy: [proxy - proxy_before, load - load_before],
            ..self
        }
    }

    /// The larger share of a processor that neither the proxy nor the load had.
    fn foreign(&self) -> f64 {
        let [proxy, load] = self.busy;
        (proxy - self.proxy.total()).max(load - self.load) / self.elapsed
    }
}
