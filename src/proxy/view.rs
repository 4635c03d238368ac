use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::body::Body;
use super::tally::Tally;
use crate::exchange::Outlet;
use crate::metrics::Registry;
use crate::plugin::{self, Engine};
use crate::snapshot::{Route, Snapshot};
use crate::upstream::{self, Connections, Upstream};

/// A worker's side of a snapshot: its plugin instances, its connections and its counts, by the snapshot's own numbers.
#[derive(Debug)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    pub(super) plugins: Vec<Rc<plugin::Pool>>,
    pub(super) upstreams: Vec<Rc<Connections<Body>>>,
    /// Whether there is a plugin that sends requests of its own.
    calls_out: bool,
    tallies: Vec<Arc<Tally>>,
    no_route: Arc<Tally>,
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
        let upstreams =
            snapshot.upstreams.iter().map(|entry| connections(&entry.upstream, registry, previous));
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
        self.upstreams.iter().for_each(|connections| connections.sweep());
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

fn connections(
    upstream: &Arc<Upstream>,
    registry: &Registry,
    previous: Option<&View>,
) -> Rc<Connections<Body>> {
    let old = previous.map_or(&[][..], |view| &view.upstreams);
    if let Some(kept) = old.iter().find(|pool| Arc::ptr_eq(pool.upstream(), upstream)) {
        return Rc::clone(kept);
    }
    let old = old.iter().find(|old| old.upstream().name() == upstream.name());
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
