use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode, Uri, Version};
use tracing::info;

use super::Peer;
use crate::exchange::Exchange;
use crate::upstream::Lease;

/// What is said of an exchange when it has ended: one line of the access log.
#[derive(Debug)]
pub(super) struct Record {
    wanted: bool,
    started: Instant,
    client: SocketAddr,
    method: Method,
    uri: Uri,
    version: Version,
    status: StatusCode,
    /// From the request to the head of the response.
    until_head: Duration,
    /// How long the endpoint that answered took.
    pub(super) upstream_time: Option<Duration>,
    /// How many endpoints were tried.
    pub(super) attempts: u32,
    /// Bytes of the response's body.
    pub(super) sent: u64,
    exchange: Option<Box<Exchange>>,
}

impl Record {
    pub(super) fn begin<B>(request: &Request<B>, peer: &Peer, wanted: bool) -> Self {
        Self {
            wanted,
            started: Instant::now(),
            client: peer.address,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            status: StatusCode::OK,
            until_head: Duration::ZERO,
            upstream_time: None,
            attempts: 0,
            sent: 0,
            exchange: None,
        }
    }

    /// The head of the response is on its way.
    pub(super) fn head(&mut self, status: StatusCode, exchange: Box<Exchange>) {
        self.status = status;
        self.until_head = self.started.elapsed();
        self.exchange = Some(exchange);
    }

    /// The response has ended, or broke off.
    pub(super) fn end(self, complete: bool, lease: Option<&Lease>) {
        let Some(exchange) = self.exchange.filter(|_| self.wanted) else { return };
        let endpoint = lease.and_then(Lease::endpoint);
        info!(
            target: "access",
            request_id = %exchange.id,
            client = %self.client,
            method = %self.method,
            target = %self.uri,
            protocol = ?self.version,
            route = &*exchange.route,
            upstream = lease.map(|lease| lease.upstream().name()),
            endpoint = endpoint.map(|endpoint| &*endpoint.url),
            attempts = self.attempts,
            status = self.status.as_u16(),
            bytes = self.sent,
            complete,
            head_ms = millis(self.until_head),
            upstream_ms = self.upstream_time.map(millis),
            total_ms = millis(self.started.elapsed()),
            attributes = (!exchange.attributes.is_empty()).then(|| attributes(&exchange)),
        );
    }
}

fn millis(time: Duration) -> f64 {
    // Microseconds are the finest that a reader of logs wants.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// `user=alice request_id=…`: what cannot be read as text is escaped.
fn attributes(exchange: &Exchange) -> String {
    let mut text = String::new();
    for (name, value) in exchange.attributes.iter() {
        let gap = if text.is_empty() { "" } else { " " };
        let _ = write!(text, "{gap}{}={}", Escaped(name.as_bytes()), Escaped(value));
    }
    text
}

struct Escaped<'a>(&'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}
