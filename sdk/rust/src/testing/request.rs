use std::time::{Duration, SystemTime};

use gatewright_abi::{Code, Level, Part};

use super::{Kv, Outcome};
use crate::host::stub::{self, Exchange, Fields, Phase};
use crate::{Direction, Error, Flow, Guest, Request, Response, Result};

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
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let takes = self.takes;
        let (exchange, result) = stub::during(self.exchange, || exchange_with(plugin, takes));
        result.map(|()| Outcome::of(exchange))
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

fn exchange_with<G: Guest>(plugin: &G, takes: Duration) -> Result<()> {
    stub::change(|exchange| exchange.phase = Phase::OnRequest);
    match plugin.on_request(&mut Request::of_exchange())? {
        Flow::Answer(answer) => {
            answer.give()?;
            stub::change(respond_with_answer);
        }
        Flow::Continue => {
            stub::change(|exchange| exchange.phase = Phase::Direct);
            plugin.direct(&mut Request::of_exchange(), &mut Direction::of_exchange())?;
            stub::change(|exchange| {
                exchange.phase = Phase::ModifyResponse;
                exchange.wall += takes;
                exchange.monotonic += takes;
            });
            plugin.modify_response(&mut Response::of_exchange())?;
        }
    }
    stub::change(|exchange| exchange.phase = Phase::OnResponse);
    plugin.on_response(&mut Response::of_exchange())
}

fn respond_with_answer(exchange: &mut Exchange) {
    let (status, fields) = match &exchange.answer {
        Some(answer) => (answer.status, answer.fields.clone()),
        None => (200, Fields::new()),
    };
    exchange.status = status;
    exchange.response = fields;
}
