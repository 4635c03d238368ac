//! What a worker counts of a listener.

use std::sync::Arc;

use crate::metrics::{Counter, Family, Gauge, Page, Registry, Source};

const ACCEPTED: Family =
    Family::counter("gatewright_listener_connections_accepted_total", "Connections that were accepted.");
const OPEN: Family = Family::gauge("gatewright_listener_connections_open", "Connections that are open.");

/// One worker's counts of the listener of one name.
#[derive(Debug)]
pub(super) struct Tally {
    listener: Box<str>,
    accepted: Counter,
    open: Gauge,
}

/// Counts one open connection.
pub(super) struct Open(Arc<Tally>);

impl Tally {
    /// Begins to count.
    pub(super) fn begin(listener: &str, registry: &Registry) -> Arc<Self> {
        let tally = Self { listener: listener.into(), accepted: Counter::default(), open: Gauge::default() };
        let tally = Arc::new(tally);
        registry.add(&tally);
        tally
    }

    pub(super) fn is_of(&self, listener: &str) -> bool {
        *self.listener == *listener
    }

    pub(super) fn accept(self: &Arc<Self>) -> Open {
        self.accepted.add(1);
        self.open.add(1);
        Open(Arc::clone(self))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.add(-1);
    }
}

impl Source for Tally {
    fn report(&self, page: &mut Page) {
        let labels = [("listener", &*self.listener)];
        page.add(&ACCEPTED, &labels, self.accepted.get() as f64);
        page.add(&OPEN, &labels, self.open.get() as f64);
    }
}
