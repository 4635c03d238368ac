use std::rc::Rc;
use std::time::{Duration, SystemTime};

use gatewright_abi::{Code, Level, Part};

use super::{Kv, Outcome, Reply, Sent, flow};
use crate::host::stub::http::Upstream;
use crate::host::stub::{self, Exchange, metrics};
use crate::{Error, Guest, Result};

/// A request to the path and query `target`, to send through a plugin.
///
/// Where nothing else is said it comes from `127.0.0.1` by `http` for `gateway.test`, matched the route `/*`, has the
/// request id `0123456789abcdef0123456789abcdef` and goes to the upstream `default`, which answers an empty `200` at
/// once; every level is logged and the clock stands still at 2001-09-09 01:46:40.
pub fn request(method: &str, target: &str) -> TestRequest {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    TestRequest { exchange: Exchange::default(), takes: Duration::ZERO, mistake: None }
        .part(Part::Protocol, "HTTP/1.1")
        .part(Part::Upstream, "default")
        .part(Part::Method, method)
        .part(Part::Path, path)
        .part(Part::Query, query)
        .host("gateway.test")
        .client_ip("127.0.0.1")
        .scheme("http")
        .route("/*")
        .request_id("0123456789abcdef0123456789abcdef")
}

/// An exchange before it happens: see [`request`].
///
/// A mistake in what was built, such as a header name that is none, is told by [`TestRequest::run`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TestRequest {
    exchange: Exchange,
    /// How long the upstream takes.
    takes: Duration,
    /// The first mistake.
    mistake: Option<Error>,
}

impl TestRequest {
    /// Adds a header to the request.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if name.eq_ignore_ascii_case("host") {
            return self.part(Part::Host, value);
        }
        match stub::field(name.as_bytes(), value.as_ref()) {
            Ok(field) => self.exchange.request.push(field),
            Err(code) => self.mistaken(code, name),
        }
        self
    }

    /// The request's body, in one piece.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.body_pieces([body])
    }

    /// The request's body, as it comes over the network: a hook that streams it sees these pieces.
    pub fn body_pieces(mut self, pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.exchange.bodies.request = pieces.into_iter().map(Into::into).collect();
        self
    }

    /// The `Host` that the client sent.
    pub fn host(self, host: &str) -> Self {
        self.part(Part::Host, host)
    }

    /// The client's address.
    pub fn client_ip(self, address: &str) -> Self {
        self.part(Part::ClientIp, address)
    }

    /// How the client spoke to the gateway: `http` or `https`.
    pub fn scheme(self, scheme: &str) -> Self {
        self.part(Part::Scheme, scheme)
    }

    /// The route that matched.
    pub fn route(self, route: &str) -> Self {
        self.part(Part::Route, route)
    }

    /// The gateway's identifier of the exchange.
    pub fn request_id(self, id: &str) -> Self {
        self.part(Part::RequestId, id)
    }

    /// An attribute that a plugin before this one has set.
    pub fn attribute(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.exchange.attributes.insert(name.to_owned(), value.as_ref().to_vec());
        self
    }

    /// The status that the upstream answers.
    pub fn upstream_status(mut self, status: u16) -> Self {
        self.exchange.status = status;
        self
    }

    /// Adds a header to the upstream's response.
    pub fn upstream_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match stub::field(name.as_bytes(), value.as_ref()) {
            Ok(field) => self.exchange.response.push(field),
            Err(code) => self.mistaken(code, name),
        }
        self
    }

    /// The body of the upstream's response, in one piece.
    pub fn upstream_body(self, body: impl Into<Vec<u8>>) -> Self {
        self.upstream_body_pieces([body])
    }

    /// The body of the upstream's response, as it comes over the network: a hook that streams it sees these pieces.
    pub fn upstream_body_pieces(mut self, pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        self.exchange.bodies.response = pieces.into_iter().map(Into::into).collect();
        self
    }

    /// Makes up an upstream for the plugin's own requests ([`http`](crate::http)). Those to upstreams that the test does
    /// not know are refused, as those to one that was not granted.
    pub fn upstream(mut self, name: &str, reply: impl Fn(&Sent) -> Reply + 'static) -> Self {
        let upstream = Upstream(Rc::new(move |request| reply(&Sent(request.clone())).0));
        self.exchange.outbound.upstreams.insert(name.to_owned(), upstream);
        self
    }

    /// How long the upstream takes to answer: the clocks are set forward by as much before the response phase.
    pub fn upstream_takes(mut self, time: Duration) -> Self {
        self.takes = time;
        self
    }

    /// The time of day when the request comes.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.exchange.wall = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self
    }

    /// The key-value store; without it each exchange has an empty one of its own.
    pub fn kv(mut self, kv: &Kv) -> Self {
        self.exchange.entries = kv.entries.clone();
        self
    }

    /// The least severe level that is logged.
    pub fn log_level(mut self, level: Level) -> Self {
        self.exchange.log_level = level;
        self
    }

    /// Sends the request through the plugin, in all of its roles, in the order of a gateway: the middleware's request
    /// phase, the director, the upstream, modify-response, the middleware's response phase. Where the middleware
    /// answers, its response phase follows at once.
    ///
    /// An error is that of the first hook that failed, or a mistake in the request.
    pub fn run<G: Guest>(self, plugin: &G) -> Result<Outcome> {
        let takes = self.takes;
        self.run_as(|| flow::run(plugin, takes))
    }

    /// Has `happen` happen in this exchange.
    pub(super) fn run_as(self, happen: impl FnOnce() -> Result<()>) -> Result<Outcome> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let before = metrics::all();
        let (exchange, result) = stub::during(self.exchange, happen);
        result.map(|()| Outcome::of(exchange, metrics::since(&before)))
    }

    fn part(mut self, part: Part, value: impl AsRef<[u8]>) -> Self {
        if let Err(code) = self.exchange.put_part(part, value.as_ref()) {
            self.mistaken(code, &format!("{part:?}"));
        }
        self
    }

    fn mistaken(&mut self, code: Code, what: &str) {
        self.mistake.get_or_insert(Error::refused(code, "test request", what));
    }
}
