//! The immutable runtime state built from one configuration, and its replacement by the next.
//!
//! [`build`](Builder::build) is the one place where configuration becomes runtime.

mod build;
mod modules;
mod plugins;
mod routes;
mod stores;
mod tls;
mod upstreams;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::StatusCode;
use tokio::sync::{mpsc, watch};

use crate::exchange::{HashKey, ResponseHead};
use crate::files::Folder;
use crate::plugin::{BodyUse, OnError, Plugin};
use crate::route::Router;
use crate::upstream::{News, Upstream};

pub use build::Builder;
pub use tls::server as listener_tls;

/// Everything that requests are served by. Exchanges hold on to the one they began with.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts configurations taken into service, from 1.
    pub generation: u64,
    /// Finds a request's place in `routes`.
    pub router: Arc<Router>,
    /// The routes, in the configuration's order.
    pub routes: Arc<[Route]>,
    /// The upstreams, in the configuration's order.
    pub upstreams: Vec<UpstreamEntry>,
    /// The plugins, in the configuration's order.
    pub plugins: Vec<Arc<Plugin>>,
    /// Whether each exchange has a line in the access log.
    pub access_log: bool,
    /// What stands for the route's name where no route matched.
    pub no_route: Arc<str>,
    names: Arc<HashMap<String, usize>>,
    _alive: Alive,
}

/// Where a request goes and what happens on the way.
#[derive(Debug)]
pub struct Route {
    /// Its place in [`Snapshot::routes`].
    pub place: usize,
    /// Its name, or its path where it has none.
    pub name: Arc<str>,
    /// The place of its upstream in [`Snapshot::upstreams`].
    pub upstream: Option<usize>,
    /// The name of its upstream.
    pub upstream_name: Option<Arc<str>>,
    /// Its director.
    pub director: Option<PluginUse>,
    /// Its middleware, outermost first.
    pub middleware: Vec<PluginUse>,
    /// Its modify-response plugins, in order.
    pub modify_response: Vec<PluginUse>,
    /// What it answers by itself.
    pub answer: Option<RouteAnswer>,
}

/// What a route answers by itself.
#[derive(Debug)]
pub enum RouteAnswer {
    /// Always the same.
    Respond {
        /// The head.
        head: ResponseHead,
        /// The body.
        body: Bytes,
    },
    /// Somewhere else.
    Redirect {
        /// The status.
        status: StatusCode,
        /// Where to, in pieces.
        to: Vec<Piece>,
    },
}

/// A piece of where a redirect leads.
#[derive(Debug)]
pub enum Piece {
    /// Text.
    Text(String),
    /// The host that the client asked for, without a port.
    Host,
    /// Path and query of the request.
    Path,
}

/// A route's use of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct PluginUse {
    /// Its place in [`Snapshot::plugins`].
    pub plugin: usize,
    /// What happens when it fails.
    pub on_error: OnError,
    /// Whether there is anything to call in the request phase.
    pub on_request: bool,
    /// Whether there is anything to call in the response phase.
    pub on_response: bool,
    /// How it wants the request's body.
    pub request_body: BodyUse,
    /// How it wants the response's body.
    pub response_body: BodyUse,
}

/// What answers the requests for an upstream's name.
#[derive(Clone, Debug)]
pub enum UpstreamEntry {
    /// Endpoints.
    Endpoints {
        /// The upstream.
        upstream: Arc<Upstream>,
        /// Where its balancer finds its key, if it hashes.
        hash_key: Option<HashKey>,
    },
    /// A folder of files.
    Files(Arc<Folder>),
}

impl Snapshot {
    /// The route at this place.
    #[must_use]
    pub fn route(&self, place: Option<usize>) -> Option<&Route> {
        self.routes.get(place?)
    }

    /// The place of the upstream with this name.
    #[must_use]
    pub fn upstream(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Begins the health checks of its upstreams, and the questions to DNS, that have not begun yet. What DNS tells comes in
    /// by `news`.
    pub fn watch(&self, news: &mpsc::Sender<News>) {
        self.pools().for_each(|upstream| upstream.watch(news));
    }

    fn pools(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.iter().filter_map(|entry| match entry {
            UpstreamEntry::Endpoints { upstream, .. } => Some(upstream),
            UpstreamEntry::Files(_) => None,
        })
    }

    /// The same with the endpoints that DNS told of, where they are other ones: still the same generation, since that
    /// counts configurations.
    #[must_use]
    pub fn heard(&self, news: &News) -> Option<Self> {
        let mut upstreams = self.upstreams.clone();
        let old = upstreams.iter_mut().find_map(|entry| match entry {
            UpstreamEntry::Endpoints { upstream, .. } => Some((upstream.heard(news)?, upstream)),
            UpstreamEntry::Files(_) => None,
        });
        let (new, old) = old?;
        *old = Arc::new(new);
        Some(self.with(upstreams))
    }

    /// With the endpoints that DNS told `current` of while this one was being built.
    #[must_use]
    pub fn caught_up(mut self, current: &Self) -> Self {
        for entry in &mut self.upstreams {
            if let UpstreamEntry::Endpoints { upstream, .. } = entry
                && let Some(newer) = current.pools().find(|other| other.is_akin(upstream))
            {
                *upstream = Arc::clone(newer);
            }
        }
        self
    }

    fn with(&self, upstreams: Vec<UpstreamEntry>) -> Self {
        Self {
            generation: self.generation,
            router: Arc::clone(&self.router),
            routes: Arc::clone(&self.routes),
            upstreams,
            plugins: self.plugins.clone(),
            access_log: self.access_log,
            no_route: Arc::clone(&self.no_route),
            names: Arc::clone(&self.names),
            _alive: Alive::new(&self._alive.0),
        }
    }
}

/// Counts one living snapshot.
#[derive(Debug)]
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The snapshot in service.
#[derive(Debug)]
pub struct Current {
    snapshot: ArcSwap<Snapshot>,
    changed: watch::Sender<u64>,
}

impl Current {
    /// Puts the first snapshot into service.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let changed = watch::Sender::new(snapshot.generation);
        Self { snapshot: ArcSwap::from_pointee(snapshot), changed }
    }

    /// The snapshot in service.
    #[must_use]
    pub fn load(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether `snapshot` is the one in service.
    #[must_use]
    pub fn is(&self, snapshot: &Arc<Snapshot>) -> bool {
        Arc::ptr_eq(&self.snapshot.load(), snapshot)
    }

    /// Puts `snapshot` into service. Requests that arrive from now on are served by it.
    pub fn swap(&self, snapshot: Snapshot) {
        let generation = snapshot.generation;
        self.snapshot.store(Arc::new(snapshot));
        self.changed.send_replace(generation);
    }

    /// Wakes up after each swap: workers without traffic must let go of the old snapshot too.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}
