use std::net::SocketAddr;

use serde::Serialize;

use crate::snapshot::Snapshot;
use crate::upstream::{Health, Upstream};

/// How a gateway stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The version of the program.
    pub version: &'static str,
    /// The configuration in service, counted from 1.
    pub generation: u64,
    /// Snapshots that live: 1, and one for each older generation that still has an open exchange.
    pub snapshots: usize,
    /// Worker threads.
    pub workers: usize,
    /// The listeners.
    pub listeners: Vec<ListenerStatus>,
    /// The upstreams.
    pub upstreams: Vec<UpstreamStatus>,
    /// The plugins.
    pub plugins: Vec<PluginStatus>,
}

/// A listener.
#[derive(Clone, Debug, Serialize)]
pub struct ListenerStatus {
    /// Its name.
    pub name: String,
    /// The address it really has.
    pub address: SocketAddr,
}

/// An upstream.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// Requests that wait for their turn.
    pub pending: usize,
    /// Its endpoints.
    pub endpoints: Vec<EndpointStatus>,
}

/// An endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointStatus {
    /// Its URL.
    pub url: String,
    /// Whether requests may go to it now.
    pub usable: bool,
    /// Failures counted against it.
    pub fails: u32,
    /// What its checks say of it: `up`, `down` or `unknown`; absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<&'static str>,
}

/// A plugin.
#[derive(Clone, Debug, Serialize)]
pub struct PluginStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its module's name and version.
    pub module: String,
    /// The SHA-256 of its module.
    pub sha256: String,
    /// Instances that live, in all workers.
    pub instances: usize,
    /// Whether it is left alone, since it has failed too often in a row.
    pub tripped: bool,
}

impl Status {
    /// The part of the status that a snapshot knows.
    #[must_use]
    pub fn of(snapshot: &Snapshot, snapshots: usize, workers: usize, listeners: Vec<ListenerStatus>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            generation: snapshot.generation,
            snapshots,
            workers,
            listeners,
            upstreams: upstreams(snapshot),
            plugins: plugins(snapshot),
        }
    }
}

fn upstreams(snapshot: &Snapshot) -> Vec<UpstreamStatus> {
    let upstreams = snapshot.upstreams.iter().map(|entry| {
        let endpoints =
            entry.upstream.endpoints().iter().enumerate().map(|(index, endpoint)| EndpointStatus {
                url: endpoint.to_string(),
                usable: entry.upstream.is_usable(index),
                fails: entry.upstream.fails(index),
                health: health(&entry.upstream, index),
            });
        UpstreamStatus {
            name: entry.upstream.name().to_owned(),
            pending: entry.upstream.pending(),
            endpoints: endpoints.collect(),
        }
    });
    upstreams.collect()
}

fn health(upstream: &Upstream, index: usize) -> Option<&'static str> {
    upstream.settings().health.as_ref()?;
    Some(match upstream.health(index) {
        Health::Unknown => "unknown",
        Health::Up => "up",
        Health::Down => "down",
    })
}

fn plugins(snapshot: &Snapshot) -> Vec<PluginStatus> {
    let plugins = snapshot.plugins.iter().map(|plugin| {
        let manifest = plugin.module().manifest();
        PluginStatus {
            name: plugin.name().to_string(),
            module: format!("{} {}", manifest.name, manifest.version),
            sha256: plugin.module().digest().to_string(),
            instances: plugin.instances(),
            tripped: plugin.is_tripped(),
        }
    });
    plugins.collect()
}
