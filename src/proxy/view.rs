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
        let known = Known::of(previous);
        let plugins = snapshot.plugins.iter().map(|plugin| pool(plugin, engine, registry, &known)).collect();
        let upstreams = snapshot.upstreams.iter().map(|entry| upstream(entry, registry, &known)).collect();
        let (tallies, no_route) = tallies(&snapshot, registry, previous);
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

    /// Closes connections that have been idle for too long, and tidies the plugins up.
    pub fn sweep(&self) {
        for upstream in &self.upstreams {
            if let UpstreamView::Endpoints { connections, .. } = upstream {
                connections.sweep();
            }
        }
        self.plugins.iter().for_each(|pool| pool.tidy());
    }
}

/// What a view before this one has, by name: a worker builds its view between two requests, so each thing is looked for
/// once.
#[derive(Default)]
struct Known<'a> {
    plugins: HashMap<&'a str, &'a Rc<plugin::Pool>>,
    endpoints: HashMap<&'a str, &'a Rc<Connections<Body>>>,
    files: HashMap<&'a str, &'a Arc<files::Tally>>,
}

impl<'a> Known<'a> {
    fn of(view: Option<&'a View>) -> Self {
        let Some(view) = view else { return Self::default() };
        let plugins = view.plugins.iter().map(|pool| (&**pool.plugin().name(), pool)).collect();
        let mut known = Self { plugins, ..Self::default() };
        for upstream in &view.upstreams {
            match upstream {
                UpstreamView::Endpoints { connections, .. } => {
                    known.endpoints.insert(connections.upstream().name(), connections);
                }
                UpstreamView::Files { folder, tally } => {
                    known.files.insert(folder.name(), tally);
                }
            }
        }
        known
    }
}

/// What is counted of each route, and of requests that no route matches. Routes of one name count together.
fn tallies(
    snapshot: &Snapshot,
    registry: &Registry,
    previous: Option<&View>,
) -> (Vec<Arc<Tally>>, Arc<Tally>) {
    let before = previous.map_or(&[][..], |view| &view.tallies);
    let all = before.iter().chain(previous.map(|view| &view.no_route));
    let mut known: HashMap<_, _> = all.map(|tally| (Arc::clone(tally.route()), Arc::clone(tally))).collect();
    let mut tally = |route: &Arc<str>| {
        let tally = known.entry(Arc::clone(route)).or_insert_with(|| {
            let tally = Arc::new(Tally::new(Arc::clone(route)));
            registry.add(&tally);
            tally
        });
        Arc::clone(tally)
    };
    (snapshot.routes.iter().map(|route| tally(&route.name)).collect(), tally(&snapshot.no_route))
}

fn pool(
    plugin: &Arc<plugin::Plugin>,
    engine: &Engine,
    registry: &Registry,
    known: &Known<'_>,
) -> Rc<plugin::Pool> {
    match known.plugins.get(&**plugin.name()) {
        Some(kept) if Arc::ptr_eq(kept.plugin(), plugin) => Rc::clone(kept),
        Some(old) => Rc::new(plugin::Pool::after(old, engine, Arc::clone(plugin))),
        None => {
            let pool = plugin::Pool::new(engine, Arc::clone(plugin));
            registry.add(pool.tally());
            Rc::new(pool)
        }
    }
}

fn upstream(entry: &UpstreamEntry, registry: &Registry, known: &Known<'_>) -> UpstreamView {
    match entry {
        UpstreamEntry::Endpoints { upstream, hash_key } => UpstreamView::Endpoints {
            connections: connections(upstream, registry, known),
            hash_key: hash_key.clone(),
        },
        UpstreamEntry::Files(folder) => {
            UpstreamView::Files { folder: Arc::clone(folder), tally: files_tally(folder, registry, known) }
        }
    }
}

/// What is counted of a folder, going on with what was of the one that had its name before.
fn files_tally(folder: &Folder, registry: &Registry, known: &Known<'_>) -> Arc<files::Tally> {
    if let Some(tally) = known.files.get(folder.name()) {
        return Arc::clone(tally);
    }
    let tally = Arc::new(files::Tally::new(folder.name()));
    registry.add(&tally);
    tally
}

fn connections(upstream: &Arc<Upstream>, registry: &Registry, known: &Known<'_>) -> Rc<Connections<Body>> {
    let old = known.endpoints.get(upstream.name());
    let connections = match old {
        Some(kept) if Arc::ptr_eq(kept.upstream(), upstream) => return Rc::clone(kept),
        Some(old) => Connections::after(old, Arc::clone(upstream)),
        None => Connections::new(Arc::clone(upstream)),
    };
    let is_new = |tally: &&Arc<upstream::Tally>| {
        !old.is_some_and(|old| old.tallies().any(|known| Arc::ptr_eq(known, tally)))
    };
    connections.tallies().filter(is_new).for_each(|tally| registry.add(tally));
    Rc::new(connections)
}
