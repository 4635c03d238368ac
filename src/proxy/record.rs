use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Request, StatusCode, Uri, Version};
use tracing::{info, trace};

use super::body::{Body, Progress};
use super::interim::Interim;
use super::peer::Peer;
use super::stage::Late;
use super::tally::Tally;
use crate::exchange::{Attributes, Exchange, RequestId};
use crate::files::Folder;
use crate::upstream::{Lease, Upstream};

/// What the access log says of a client that went away before there was a response: nginx's number for it.
const CLIENT_GONE: u16 = 499;

/// Where the request went last.
#[derive(Debug)]
enum Tried {
    Endpoint(Arc<Upstream>, usize),
    Files(Arc<Folder>),
}

impl Tried {
    fn upstream(&self) -> &str {
        match self {
            Self::Endpoint(upstream, _) => upstream.name(),
            Self::Files(folder) => folder.name(),
        }
    }

    fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Endpoint(upstream, index) => {
                upstream.endpoints().get(*index).map(|endpoint| &*endpoint.url)
            }
            Self::Files(_) => None,
        }
    }
}

/// What is said of an exchange when it has ended: one line of the access log. It is written when the record is dropped,
/// so no way out of an exchange misses it.
#[derive(Debug)]
pub(super) struct Record {
    wanted: bool,
    /// The exchange's.
    pub(super) id: RequestId,
    /// What is counted of the route, once it is known.
    tally: Option<Arc<Tally>>,
    started: Instant,
    /// Who asked, as far as trusted proxies tell.
    pub(super) client: SocketAddr,
    method: Method,
    uri: Uri,
    version: Version,
    status: Option<StatusCode>,
    /// From the request to the head of the response.
    until_head: Option<Duration>,
    /// How long the endpoint that answered took.
    pub(super) upstream_time: Option<Duration>,
    /// How many endpoints were tried,
    attempts: u32,
    /// and the last of them, or the folder.
    tried: Option<Tried>,
    /// How far the request's body has come, where there is one.
    received: Option<Progress>,
    /// Where interim responses go; `None` where the client does not know any.
    pub(super) interim: Option<Arc<Interim>>,
    /// Bytes of the response's body.
    pub(super) sent: u64,
    complete: bool,
    exchange: Option<Box<Exchange>>,
    late: Option<Late>,
}

impl Record {
    pub(super) fn begin<B>(request: &Request<B>, peer: &Peer, wanted: bool) -> Self {
        let mut record = Self::blank(RequestId::random(), peer.address, request.method());
        record.wanted = wanted;
        if wanted {
            record.uri = target(request);
        }
        record.version = request.version();
        record.interim = (request.version() == Version::HTTP_11).then(|| peer.interim());
        record
    }

    /// Of a request that is a guest's own and no exchange of the access log.
    pub(super) fn unwritten(exchange: &Exchange) -> Self {
        Self::blank(exchange.id, exchange.client, &exchange.request.method)
    }

    fn blank(id: RequestId, client: SocketAddr, method: &Method) -> Self {
        Self {
            wanted: false,
            id,
            tally: None,
            started: Instant::now(),
            client,
            method: method.clone(),
            uri: Uri::default(),
            version: Version::default(),
            status: None,
            until_head: None,
            upstream_time: None,
            attempts: 0,
            tried: None,
            received: None,
            interim: None,
            sent: 0,
            complete: false,
            exchange: None,
            late: None,
        }
    }

    /// Whether the response has no body, whatever its head says.
    pub(super) fn is_to_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// The route is known.
    pub(super) fn open(&mut self, tally: &Arc<Tally>) {
        tally.begin();
        self.tally = Some(Arc::clone(tally));
    }

    /// The body that the client sends.
    pub(super) fn follow(&mut self, body: &Body) {
        self.received = body.progress();
    }

    /// The head of the response is on its way.
    pub(super) fn head(&mut self, status: StatusCode, exchange: Box<Exchange>) {
        self.status = Some(status);
        self.until_head = Some(self.started.elapsed());
        self.exchange = Some(exchange);
    }

    /// Where guests that bodies go through leave their attributes.
    pub(super) fn late(&mut self) -> Late {
        Rc::clone(self.late.get_or_insert_default())
    }

    /// When the exchange began.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// An endpoint is being tried.
    pub(super) fn attempt(&mut self, lease: &Lease) {
        self.attempts += 1;
        if self.wanted {
            self.tried = Some(Tried::Endpoint(Arc::clone(lease.upstream()), lease.index()));
        }
    }

    /// A file is looked for.
    pub(super) fn look(&mut self, folder: &Arc<Folder>) {
        if self.wanted {
            self.tried = Some(Tried::Files(Arc::clone(folder)));
        }
    }

    /// The response has ended, or broke off.
    pub(super) fn end(mut self, complete: bool) {
        self.complete = complete;
    }

    fn write(&self, total: Duration) {
        let noted = self.noted();
        // Each attribute by itself and as it is: in the line of the access log they share a field.
        for (name, value) in noted.iter().flat_map(|noted| noted.iter()) {
            trace!(target: "attribute", request_id = %self.id, name, value = &**value);
        }
        info!(
            target: "access",
            request_id = %self.id,
            client = %self.client,
            method = %self.method,
            uri = %self.uri,
            protocol = ?self.version,
            route = self.tally.as_ref().map(|tally| &**tally.route()),
            upstream = self.tried.as_ref().map(Tried::upstream),
            endpoint = self.tried.as_ref().and_then(Tried::endpoint),
            attempts = self.attempts,
            status = self.status(),
            bytes = self.sent,
            complete = self.complete,
            head_ms = self.until_head.map(millis),
            upstream_ms = self.upstream_time.map(millis),
            total_ms = millis(total),
            attributes = noted.as_deref().map(attributes),
        );
    }
}

impl Record {
    /// What plugins noted, also while bodies passed.
    fn noted(&self) -> Option<Cow<'_, Attributes>> {
        let noted = &self.exchange.as_deref()?.attributes;
        let late = self.late.as_ref().map(|late| late.borrow());
        match late.as_deref().filter(|late| !late.is_empty()) {
            None if noted.is_empty() => None,
            None => Some(Cow::Borrowed(noted)),
            Some(late) => {
                let mut all = noted.clone();
                for (name, value) in late.iter() {
                    // As many as fit.
                    let _ = all.set(name, value.clone());
                }
                Some(Cow::Owned(all))
            }
        }
    }

    fn status(&self) -> u16 {
        self.status.map_or(CLIENT_GONE, |status| status.as_u16())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let total = self.started.elapsed();
        if let Some(tally) = &self.tally {
            let received = self.received.as_ref().map_or(0, Progress::bytes);
            tally.end(self.status(), total, received, self.sent);
        }
        if self.wanted {
            self.write(total);
        }
    }
}

/// What was asked for, as HTTP/1 would write it.
fn target<B>(request: &Request<B>) -> Uri {
    match request.uri().path_and_query() {
        Some(target) if request.version() == Version::HTTP_2 => Uri::from(target.clone()),
        _ => request.uri().clone(),
    }
}

fn millis(time: Duration) -> f64 {
    // Microseconds are the finest that a reader of logs wants.
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// `user=alice request_id=…`: what cannot be read as text is escaped.
fn attributes(attributes: &Attributes) -> String {
    let mut text = String::new();
    for (name, value) in attributes.iter() {
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
