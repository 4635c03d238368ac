use std::path::PathBuf;

use serde::Serialize;

use crate::snapshot::{Snapshot, UpstreamEntry};
use crate::socket::Address;
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
    pub address: Address,
}

/// An upstream.
#[derive(Clone, Debug, Serialize)]
pub struct UpstreamStatus {
    /// Its name.
    pub name: String,
    /// What stands behind it.
    #[serde(flatten)]
    pub source: SourceStatus,
}

/// What answers an upstream's requests.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum SourceStatus {
    /// Endpoints.
    Endpoints {
        /// Requests that wait for their turn.
        pending: usize,
        /// The endpoints.
        endpoints: Vec<EndpointStatus>,
    },
    /// A folder.
    Files {
        /// Where it is.
        files: PathBuf,
    },
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
    let upstreams = snapshot.upstreams.iter().map(|entry| match entry {
        UpstreamEntry::Endpoints { upstream, .. } => {
            let (pending, endpoints) = (upstream.pending(), endpoints(upstream));
            let source = SourceStatus::Endpoints { pending, endpoints };
            UpstreamStatus { name: upstream.name().to_owned(), source }
        }
        UpstreamEntry::Files(folder) => {
            let source = SourceStatus::Files { files: folder.path().to_owned() };
            UpstreamStatus { name: folder.name().to_owned(), source }
        }
    });
    upstreams.collect()
}

fn endpoints(upstream: &Upstream) -> Vec<EndpointStatus> {
    let endpoints = upstream.endpoints().iter().enumerate().map(|(index, endpoint)| EndpointStatus {
        url: endpoint.to_string(),
        usable: upstream.is_usable(index),
        fails: upstream.fails(index),
        health: health(upstream, index),
    });
    endpoints.collect()
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
