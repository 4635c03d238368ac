//! What a worker counts of an endpoint.

use std::time::Duration;

use crate::metrics::{Counter, Family, Gauge, Page, Source, Times};

const ATTEMPTS: Family = Family::counter(
    "gatewright_upstream_attempts_total",
    "Requests that were about to be sent to the endpoint.",
);
const RETRIES: Family = Family::counter(
    "gatewright_upstream_retries_total",
    "Those of them that another endpoint had failed before.",
);
const FAILURES: Family = Family::counter(
    "gatewright_upstream_failures_total",
    "Those of them that got no response, by what went wrong.",
);
const DURATION: Family = Family::histogram(
    "gatewright_upstream_attempt_duration_seconds",
    "From sending a request to the head of its response, where there was one.",
);
const OPENED: Family = Family::counter(
    "gatewright_upstream_connections_opened_total",
    "Connections to the endpoint that came about.",
);
const REUSED: Family =
    Family::counter("gatewright_upstream_connections_reused_total", "How often a kept connection was taken.");
const IDLE: Family = Family::gauge("gatewright_upstream_connections_idle", "Connections that are kept now.");

/// Why an endpoint gave no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No connection.
    Unreachable,
    /// The connection broke, or what came was not HTTP.
    Broken,
    /// It took too long.
    Late,
    /// The head of its response is larger than it may be.
    Large,
}

impl Miss {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Unreachable, "unreachable"),
        (Self::Broken, "broken"),
        (Self::Late, "late"),
        (Self::Large, "large"),
    ];
}

/// One worker's counts of one endpoint.
#[derive(Debug)]
pub struct Tally {
    upstream: Box<str>,
    endpoint: Box<str>,
    attempts: Counter,
    retries: Counter,
    failures: [Counter; Miss::ALL.len()],
    duration: Times,
    pub(super) opened: Counter,
    pub(super) reused: Counter,
    pub(super) idle: Gauge,
}

impl Tally {
    pub(super) fn new(upstream: &str, endpoint: &str) -> Self {
        Self {
            upstream: upstream.into(),
            endpoint: endpoint.into(),
            attempts: Counter::default(),
            retries: Counter::default(),
            failures: Default::default(),
            duration: Times::default(),
            opened: Counter::default(),
            reused: Counter::default(),
            idle: Gauge::default(),
        }
    }

    pub(super) fn is_of(&self, endpoint: &str) -> bool {
        *self.endpoint == *endpoint
    }

    /// A request is about to be sent; whether another endpoint has failed it before.
    pub fn attempt(&self, is_retry: bool) {
        self.attempts.add(1);
        self.retries.add(u64::from(is_retry));
    }

    /// It was answered.
    pub fn answered(&self, time: Duration) {
        self.duration.observe(time);
    }

    /// It was not.
    pub fn missed(&self, miss: Miss) {
        if let Some(failures) = self.failures.get(miss as usize) {
            failures.add(1);
        }
    }
}

impl Source for Tally {
    fn report(&self, page: &mut Page) {
        let (upstream, endpoint) = (("upstream", &*self.upstream), ("endpoint", &*self.endpoint));
        let labels = [upstream, endpoint];
        page.add(&ATTEMPTS, &labels, self.attempts.get() as f64);
        page.add(&RETRIES, &labels, self.retries.get() as f64);
        for ((_, kind), failures) in Miss::ALL.into_iter().zip(&self.failures) {
            page.add(&FAILURES, &[upstream, endpoint, ("kind", kind)], failures.get() as f64);
        }
        page.add_values(&DURATION, &labels, self.duration.read());
        page.add(&OPENED, &labels, self.opened.get() as f64);
        page.add(&REUSED, &labels, self.reused.get() as f64);
        page.add(&IDLE, &labels, self.idle.get() as f64);
    }
}
