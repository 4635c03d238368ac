use std::rc::Rc;
use std::sync::Arc;

use super::body::Body;
use crate::exchange::Outlet;
use crate::plugin::{self, Engine};
use crate::snapshot::Snapshot;
use crate::upstream::Connections;

/// A worker's side of a snapshot: its plugin instances and its connections, by the snapshot's own numbers.
#[derive(Debug)]
pub struct View {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    pub(super) plugins: Vec<Rc<plugin::Pool>>,
    pub(super) upstreams: Vec<Rc<Connections<Body>>>,
    /// Whether there is a plugin that sends requests of its own.
    calls_out: bool,
}

impl View {
    /// The view of `snapshot`. What is the same as in `previous` keeps its instances and connections.
    #[must_use]
    pub fn build(snapshot: Arc<Snapshot>, engine: &Engine, previous: Option<&Self>) -> Self {
        let old_plugins = previous.map_or(&[][..], |view| &view.plugins);
        let old_upstreams = previous.map_or(&[][..], |view| &view.upstreams);
        let plugins = snapshot.plugins.iter().map(|plugin| {
            let kept = old_plugins.iter().find(|pool| Arc::ptr_eq(pool.plugin(), plugin));
            kept.cloned().unwrap_or_else(|| Rc::new(plugin::Pool::new(engine, Arc::clone(plugin))))
        });
        let upstreams = snapshot.upstreams.iter().map(|entry| {
            let kept = old_upstreams.iter().find(|pool| Arc::ptr_eq(pool.upstream(), &entry.upstream));
            kept.cloned().unwrap_or_else(|| Rc::new(Connections::new(Arc::clone(&entry.upstream))))
        });
        let (plugins, upstreams) = (plugins.collect(), upstreams.collect());
        let calls_out = snapshot.plugins.iter().any(|plugin| plugin.calls_out());
        Self { snapshot, plugins, upstreams, calls_out }
    }

    /// For an exchange whose plugins may send requests of their own.
    pub(super) fn outlet(self: &Rc<Self>) -> Option<Outlet> {
        self.calls_out.then(|| Outlet::new(Rc::<Self>::clone(self)))
    }

    /// Closes connections that have been idle for too long.
    pub fn sweep(&self) {
        self.upstreams.iter().for_each(|connections| connections.sweep());
    }
}
