use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::body::Body;
use super::tally::Tally;
use crate::exchange::{HashKey, Outlet};
use crate::files::{self, Folder};
use crate::metrics::Registry;
use crate::plugin::{self, Engine};
use crate::snapshot::{Route, Snapshot, UpstreamEntry};
use crate::upstream::{self, Connections, Upstream};

/// A worker's side of a snapshot: its plugin instances, its connections and its counts, by the snapshot's own numbers.
#[derive(Debug)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    pub(super) plugins: Vec<Rc<plugin::Pool>>,
    pub(super) upstreams: Vec<UpstreamView>,
    /// Whether there is a plugin that sends requests of its own.
    calls_out: bool,
    tallies: Vec<Arc<Tally>>,
    no_route: Arc<Tally>,
}

/// A worker's side of an upstream.
#[derive(Debug)]
pub(super) enum UpstreamView {
    /// Its connections to the endpoints.
    Endpoints {
        connections: Rc<Connections<Body>>,
        /// The key, for a balancer that hashes.
        hash_key: Option<HashKey>,
    },
    /// A folder, and what it counts of it.
    Files { folder: Arc<Folder>, tally: Arc<files::Tally> },
}

impl View {
    /// The view of `snapshot`. What is the same as in `previous` keeps its instances and connections, what has the same
    /// name its counts.
    #[must_use]
    pub fn build(
        snapshot: Arc<Snapshot>,
        engine: &Engine,
        registry: &Registry,
        previous: Option<&Self>,
    ) -> Self {
        let plugins = snapshot.plugins.iter().map(|plugin| pool(plugin, engine, registry, previous));
        let upstreams = snapshot.upstreams.iter().map(|entry| upstream(entry, registry, previous));
        let mut known: HashMap<_, _> = previous.map(Self::tallies).into_iter().flatten().collect();
        let mut tally = |route: &Arc<str>| {
            let tally = known.entry(Arc::clone(route)).or_insert_with(|| {
                let tally = Arc::new(Tally::new(Arc::clone(route)));
                registry.add(&tally);
                tally
            });
            Arc::clone(tally)
        };
        let tallies = snapshot.routes.iter().map(|route| tally(&route.name)).collect();
        let no_route = tally(&snapshot.no_route);
        let (plugins, upstreams) = (plugins.collect(), upstreams.collect());
        let calls_out = snapshot.plugins.iter().any(|plugin| plugin.calls_out());
        Self { snapshot, plugins, upstreams, calls_out, tallies, no_route }
    }

    /// For an exchange whose plugins may send requests of their own.
    pub(super) fn outlet(self: &Rc<Self>) -> Option<Outlet> {
        self.calls_out.then(|| Outlet::new(Rc::<Self>::clone(self)))
    }

    /// What is counted of this route, or of requests that no route matches.
    pub(super) fn tally(&self, route: Option<&Route>) -> &Arc<Tally> {
        route.and_then(|route| self.tallies.get(route.place)).unwrap_or(&self.no_route)
    }

    fn tallies(&self) -> impl Iterator<Item = (Arc<str>, Arc<Tally>)> {
        let all = self.tallies.iter().chain([&self.no_route]);
        all.map(|tally| (Arc::clone(tally.route()), Arc::clone(tally)))
    }

    /// Closes connections that have been idle for too long, and tidies the plugins up.
    pub fn sweep(&self) {
        connections_of(Some(self)).for_each(|connections| connections.sweep());
        self.plugins.iter().for_each(|pool| pool.tidy());
    }
}

fn pool(
    plugin: &Arc<plugin::Plugin>,
    engine: &Engine,
    registry: &Registry,
    previous: Option<&View>,
) -> Rc<plugin::Pool> {
    let old = previous.map_or(&[][..], |view| &view.plugins);
    if let Some(kept) = old.iter().find(|pool| Arc::ptr_eq(pool.plugin(), plugin)) {
        return Rc::clone(kept);
    }
    let pool = match old.iter().find(|pool| pool.plugin().name() == plugin.name()) {
        Some(old) => plugin::Pool::after(old, engine, Arc::clone(plugin)),
        None => {
            let pool = plugin::Pool::new(engine, Arc::clone(plugin));
            registry.add(pool.tally());
            pool
        }
    };
    Rc::new(pool)
}

fn upstream(entry: &UpstreamEntry, registry: &Registry, previous: Option<&View>) -> UpstreamView {
    match entry {
        UpstreamEntry::Endpoints { upstream, hash_key } => UpstreamView::Endpoints {
            connections: connections(upstream, registry, previous),
            hash_key: hash_key.clone(),
        },
        UpstreamEntry::Files(folder) => {
            UpstreamView::Files { folder: Arc::clone(folder), tally: files_tally(folder, registry, previous) }
        }
    }
}

/// What is counted of a folder, going on with what was of the one that had its name before.
fn files_tally(folder: &Folder, registry: &Registry, previous: Option<&View>) -> Arc<files::Tally> {
    let tallies = previous.into_iter().flat_map(|view| &view.upstreams).filter_map(|known| match known {
        UpstreamView::Files { tally, .. } => Some(tally),
        UpstreamView::Endpoints { .. } => None,
    });
    let known = tallies.into_iter().find(|tally| tally.is_of(folder.name()));
    known.map_or_else(
        || {
            let tally = Arc::new(files::Tally::new(folder.name()));
            registry.add(&tally);
            tally
        },
        Arc::clone,
    )
}

fn connections_of(view: Option<&View>) -> impl Iterator<Item = &Rc<Connections<Body>>> {
    view.into_iter().flat_map(|view| &view.upstreams).filter_map(|upstream| match upstream {
        UpstreamView::Endpoints { connections, .. } => Some(connections),
        UpstreamView::Files { .. } => None,
    })
}

fn connections(
    upstream: &Arc<Upstream>,
    registry: &Registry,
    previous: Option<&View>,
) -> Rc<Connections<Body>> {
    if let Some(kept) = connections_of(previous).find(|pool| Arc::ptr_eq(pool.upstream(), upstream)) {
        return Rc::clone(kept);
    }
    let old = connections_of(previous).find(|old| old.upstream().name() == upstream.name());
    let connections = match old {
        Some(old) => Connections::after(old, Arc::clone(upstream)),
        None => Connections::new(Arc::clone(upstream)),
    };
    let is_new = |tally: &&Arc<upstream::Tally>| {
        !old.is_some_and(|old| old.tallies().any(|known| Arc::ptr_eq(known, tally)))
    };
    connections.tallies().filter(is_new).for_each(|tally| registry.add(tally));
    Rc::new(connections)
}
