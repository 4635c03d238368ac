//! What a worker counts of the requests on a route.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::{Counter, Family, Gauge, Page, Source, Times};

const REQUESTS: Family =
    Family::counter("gatewright_requests_total", "Requests that have ended, by the class of their status.");
const IN_FLIGHT: Family =
    Family::gauge("gatewright_requests_in_flight", "Requests that have begun and not ended.");
const DURATION: Family = Family::histogram(
    "gatewright_request_duration_seconds",
    "From a request's head to the end of its response, or to where it broke off.",
);
const RECEIVED: Family =
    Family::counter("gatewright_request_body_bytes_total", "Bytes of request bodies that came in.");
const SENT: Family =
    Family::counter("gatewright_response_body_bytes_total", "Bytes of response bodies that went out.");

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// One worker's counts of one route; those of equal names are one.
#[derive(Debug)]
pub(super) struct Tally {
    route: Arc<str>,
    requests: [Counter; CLASSES.len()],
    in_flight: Gauge,
    duration: Times,
    received: Counter,
    sent: Counter,
}

impl Tally {
    pub(super) fn new(route: Arc<str>) -> Self {
        Self {
            route,
            requests: Default::default(),
            in_flight: Gauge::default(),
            duration: Times::default(),
            received: Counter::default(),
            sent: Counter::default(),
        }
    }

    pub(super) fn route(&self) -> &Arc<str> {
        &self.route
    }

    pub(super) fn begin(&self) {
        self.in_flight.add(1);
    }

    pub(super) fn end(&self, status: u16, time: Duration, received: u64, sent: u64) {
        self.in_flight.add(-1);
        let class = usize::from(status / 100).wrapping_sub(1);
        if let Some(requests) = self.requests.get(class) {
            requests.add(1);
        }
        self.duration.observe(time);
        self.received.add(received);
        self.sent.add(sent);
    }
}

impl Source for Tally {
    fn report(&self, page: &mut Page) {
        let route = ("route", &*self.route);
        for (class, requests) in CLASSES.into_iter().zip(&self.requests) {
            page.add(&REQUESTS, &[route, ("class", class)], requests.get() as f64);
        }
        page.add(&IN_FLIGHT, &[route], self.in_flight.get() as f64);
        page.add_values(&DURATION, &[route], self.duration.read());
        page.add(&RECEIVED, &[route], self.received.get() as f64);
        page.add(&SENT, &[route], self.sent.get() as f64);
    }
}
