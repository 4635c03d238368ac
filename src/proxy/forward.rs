//! Sending the request to an endpoint, and to another one where that is safe; or to a folder of files.

use std::borrow::Cow;
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{Response, StatusCode};
use smallvec::SmallVec;
use tokio::time::{timeout, timeout_at};

use super::body::{Body, BodyError, Progress};
use super::error::ProxyError;
use super::files;
use super::headers;
use super::intake::Refusal;
use super::interim::Relay;
use super::record::Record;
use super::upgrade::{FarEnd, Upgrade};
use super::view::{UpstreamView, View};
use crate::exchange::{Exchange, HashKey, ResponseHead, Side};
use crate::upstream::{
    ConnectError, Connection, Connections, Endpoint, Lease, Origin, Outgoing, Protocol, SendError, Wanted,
    WireError,
};

/// Forwards the exchange's request, to the upstream at this place of the snapshot unless the director chose another. The
/// head of the response is then in the exchange, and its body in the place of the request's.
pub(super) async fn forward(
    view: &View,
    upstream: Option<usize>,
    exchange: &mut Exchange,
    record: &mut Record,
    body: &mut Body,
    upgrade: Option<Box<Upgrade>>,
) -> Result<(), ProxyError> {
    let (connections, hash_key) = match choose(view, upstream, exchange)? {
        UpstreamView::Endpoints { connections, hash_key } => (connections, hash_key.as_ref()),
        UpstreamView::Files { folder, tally } => {
            *body = files::serve(folder, tally, exchange, record).await?;
            return Ok(());
        }
    };
    let upstream = connections.upstream();
    let replayable = exchange.request.method.is_idempotent() && upgrade.is_none() && body.again().is_some();
    let settings = upstream.settings();
    let place = upstream.admit().await;
    let full = |refused| ProxyError::Full { upstream: upstream.name().to_owned(), refused };
    let place = place.map_err(full)?;
    let mut attempts = Attempts {
        connections,
        exchange,
        key: key(hash_key, exchange),
        upgrade: upgrade.as_deref(),
        replayable,
        retries: settings.retries,
        began: settings.per_try_timeout.map(|_| Instant::now()),
        tried: SmallVec::new(),
        last: None,
        relay: Relay { client: record.interim.take(), hold: None },
        record,
    };
    let (response, connection, mut lease) = attempts.run(body).await?;
    lease.keep(place);
    let hold = attempts.relay.hold.take();
    *body = accept(exchange, response, connection, lease, upgrade)?;
    if hold.is_some() {
        body.tail().hold = hold;
    }
    Ok(())
}

/// The upstream: the director's choice, else the route's.
fn choose<'a>(
    view: &'a View,
    upstream: Option<usize>,
    exchange: &Exchange,
) -> Result<&'a UpstreamView, ProxyError> {
    let chosen = exchange.direction.upstream.as_deref();
    let index = match chosen {
        Some(name) => view.snapshot.upstream(name),
        None => upstream,
    };
    let found = index.and_then(|index| view.upstreams.get(index));
    found.ok_or_else(|| {
        ProxyError::NoUpstream(chosen.unwrap_or("the route has none and the director chose none").to_owned())
    })
}

/// What a balancer hashes: the director's choice, else what the upstream says.
fn key<'a>(hash_key: Option<&HashKey>, exchange: &'a Exchange) -> Option<Cow<'a, [u8]>> {
    match &exchange.direction.hash_key {
        Some(key) => Some(Cow::Borrowed(key)),
        None => hash_key?.of(exchange),
    }
}

/// The tries of one request.
struct Attempts<'a> {
    connections: &'a Rc<Connections<Body>>,
    exchange: &'a Exchange,
    key: Option<Cow<'a, [u8]>>,
    upgrade: Option<&'a Upgrade>,
    /// Whether the request may be sent again after an endpoint may have seen it.
    replayable: bool,
    /// How often that may still happen.
    retries: u32,
    /// When the first one began, where tries have a time of their own.
    began: Option<Instant>,
    tried: SmallVec<[usize; 4]>,
    /// Why the last endpoint that was tried did not answer.
    last: Option<ProxyError>,
    /// Where interim responses go.
    relay: Relay,
    record: &'a mut Record,
}

type Answered = (Response<()>, Connection<Body>, Lease);

/// A try that ended without a response.
struct Miss {
    error: ProxyError,
    /// Whether there may be another one: the body is in its place.
    again: bool,
    /// Whether the endpoint may have seen the request.
    sent: bool,
}

impl Attempts<'_> {
    async fn run(&mut self, body: &mut Body) -> Result<Answered, ProxyError> {
        loop {
            let Some(lease) = self.next()? else {
                let nobody = || ProxyError::NoEndpoint(self.connections.upstream().name().to_owned());
                return Err(self.last.take().unwrap_or_else(nobody));
            };
            let endpoint = lease.index();
            if let Some(tally) = self.connections.tally(endpoint) {
                tally.attempt(!self.tried.is_empty());
            }
            self.tried.push(endpoint);
            self.record.attempt(&lease);
            let miss = match self.attempt(lease, body).await {
                Ok(answered) => return Ok(answered),
                Err(miss) => miss,
            };
            if let (Some(tally), Some(what)) = (self.connections.tally(endpoint), miss.error.miss()) {
                tally.missed(what);
            }
            self.again(*miss)?;
        }
    }

    /// Whether to go to the next endpoint. What nobody has seen may always go on.
    fn again(&mut self, miss: Miss) -> Result<(), ProxyError> {
        if !miss.again || miss.sent && !self.may_retry() {
            return Err(miss.error);
        }
        self.last = Some(miss.error);
        Ok(())
    }

    fn may_retry(&mut self) -> bool {
        let Some(left) = self.retries.checked_sub(1) else { return false };
        self.retries = left;
        self.connections.upstream().may_retry()
    }

    /// The next endpoint to try: the director's, once, or the balancer's.
    fn next(&self) -> Result<Option<Lease>, ProxyError> {
        let upstream = self.connections.upstream();
        match &self.exchange.direction.endpoint {
            None => Ok(upstream.pick(self.key.as_deref(), &self.tried)),
            Some(_) if !self.tried.is_empty() => Ok(None),
            Some(url) => match upstream.take(url) {
                Some(lease) => Ok(Some(lease)),
                None => Err(ProxyError::UnknownEndpoint {
                    upstream: upstream.name().to_owned(),
                    endpoint: url.clone(),
                }),
            },
        }
    }

    /// One endpoint: on a kept connection where there is one, and on a new one if that turns out to be stale.
    async fn attempt(&mut self, lease: Lease, body: &mut Body) -> Result<Answered, Box<Miss>> {
        let upstream = Arc::clone(lease.upstream());
        let Some(endpoint) = upstream.endpoints().get(lease.index()) else {
            let error = ProxyError::NoEndpoint(upstream.name().to_owned());
            return Err(Box::new(Miss { error, again: false, sent: false }));
        };
        let wanted = self.wanted();
        if let Some(kept) = self.connections.reuse(lease.index(), &wanted, self.replayable) {
            match self.send(endpoint, kept, body).await {
                Ok((response, connection)) => return Ok((response, connection, lease)),
                // The endpoint may close an idle connection at any time: that says nothing about its health.
                Err(miss) if miss.again && !miss.error.is_late() => {}
                Err(miss) => return Err(blame(lease, miss)),
            }
        }
        // In a box: most exchanges find a connection and should not be room for it.
        let connection = match Box::pin(self.connections.connect(lease.index(), endpoint, &wanted)).await {
            Ok(connection) => connection,
            Err(error @ ConnectError::Scarce(_)) => {
                let error = ProxyError::Scarce { endpoint: endpoint.to_string(), error };
                return Err(Box::new(Miss { error, again: false, sent: false }));
            }
            Err(error) => {
                let error = ProxyError::Unreachable { endpoint: endpoint.to_string(), error };
                return Err(blame(lease, Box::new(Miss { error, again: true, sent: false })));
            }
        };
        match self.send(endpoint, connection, body).await {
            Ok((response, connection)) => Ok((response, connection, lease)),
            Err(miss) => Err(blame(lease, miss)),
        }
    }

    async fn send(
        &mut self,
        endpoint: &Endpoint,
        mut connection: Connection<Body>,
        body: &mut Body,
    ) -> Result<(Response<()>, Connection<Body>), Box<Miss>> {
        if self.upgrade.is_some_and(Upgrade::is_websocket) && !connection.takes_websockets().await {
            let error = ProxyError::NoWebSocket { endpoint: endpoint.to_string() };
            return Err(Box::new(Miss { error, again: true, sent: false }));
        }
        let (started, progress) = (Instant::now(), body.progress());
        let (limit, another) = self.limit();
        let spare = body.again();
        let head = &self.exchange.request;
        if body.is_to_come() && head.headers.contains_key(EXPECT) {
            self.relay.hold = body.hold();
        }
        let target = headers::join(&endpoint.base_path, &head.target);
        let outgoing = self.outgoing(endpoint, target.as_ref().unwrap_or(&head.target));
        let answered = {
            // Where it stays: what it holds is too much to be moved about.
            let response = pin!(connection.send(&outgoing, mem::take(body), &self.relay));
            within(limit, progress, response).await
        };
        match answered {
            Ok(Ok(response)) => {
                let time = started.elapsed();
                self.record.upstream_time = Some(time);
                if let Some(tally) = self.connections.tally(connection.endpoint()) {
                    tally.answered(time);
                }
                Ok((response, connection))
            }
            Ok(Err(SendError { error, unsent, refused })) => {
                let sent = unsent.is_none() && !refused;
                let error = broken(error, endpoint);
                // What another endpoint of the same application answers is hardly better.
                let answered = matches!(error, ProxyError::LargeHead { .. } | ProxyError::Doubtful { .. });
                let spare = spare.filter(|_| (self.replayable || refused) && !answered);
                let again = unsent.or(spare).map(|again| *body = again).is_some();
                Err(Box::new(Miss { error, again, sent }))
            }
            Err(Elapsed) => {
                let error = ProxyError::Late { endpoint: endpoint.to_string(), limit };
                let again = spare.filter(|_| another).map(|again| *body = again).is_some();
                Err(Box::new(Miss { error, again, sent: true }))
            }
        }
    }

    /// What kind of connection will do. Where both sides may agree on what they like, an upgrade is a matter of HTTP/1.
    fn wanted(&self) -> Wanted {
        let settings = self.connections.upstream().settings();
        let exchange = self.exchange;
        Wanted {
            http1: self.upgrade.is_some() && settings.protocol == Protocol::Auto,
            origin: settings
                .proxy_protocol
                .and_then(|_| Origin::new(exchange.client, exchange.local))
                .map(Rc::new),
        }
    }

    /// How long this try may take, and whether there may be another one after that. Where tries have a time of their own,
    /// all together have what a single one has otherwise.
    fn limit(&self) -> (Duration, bool) {
        let settings = self.connections.upstream().settings();
        let all = self.exchange.direction.timeout.unwrap_or(settings.response_timeout);
        let (Some(began), Some(each)) = (self.began, settings.per_try_timeout) else { return (all, false) };
        let left = all.saturating_sub(began.elapsed());
        match self.replayable && self.retries > 0 && each < left {
            true => (each, true),
            false => (left, false),
        }
    }

    /// The request's head as it goes to this endpoint.
    fn outgoing<'b>(&'b self, endpoint: &'b Endpoint, target: &'b PathAndQuery) -> Outgoing<'b> {
        let head = &self.exchange.request;
        let configured = self.connections.upstream().settings().host.as_ref();
        let host = configured.filter(|_| !self.exchange.direction.host_set);
        let host = host.or_else(|| head.headers.get(HOST)).or(Some(&endpoint.authority));
        Outgoing {
            method: &head.method,
            target,
            headers: &head.headers,
            host,
            upgrade: self.upgrade.map(Upgrade::change),
            expects: self.relay.hold.is_some(),
        }
    }
}

/// The time ran out.
struct Elapsed;

/// Waits for `response` for as long as `limit`, counted from when the request's body last moved: a client that takes its
/// time to send is not an endpoint that takes its time to answer.
async fn within<T>(
    limit: Duration,
    progress: Option<Progress>,
    mut response: Pin<&mut impl Future<Output = T>>,
) -> Result<T, Elapsed> {
    let Some(progress) = progress else { return timeout(limit, response).await.map_err(|_| Elapsed) };
    let mut deadline = tokio::time::Instant::now() + limit;
    loop {
        match timeout_at(deadline, response.as_mut()).await {
            Ok(response) => return Ok(response),
            Err(_) => match progress.last().map(|last| last + limit) {
                Some(later) if later > deadline => deadline = later,
                _ => return Err(Elapsed),
            },
        }
    }
}

/// Counts the miss against the endpoint, unless it was the client's doing.
fn blame(lease: Lease, miss: Box<Miss>) -> Box<Miss> {
    let not_the_endpoints = matches!(
        miss.error,
        ProxyError::ClientBody(_)
            | ProxyError::ClientPaused
            | ProxyError::LargeBody
            | ProxyError::Plugin(_)
            | ProxyError::NoWebSocket { .. }
            | ProxyError::Body { .. }
    );
    if !not_the_endpoints {
        lease.fail();
    }
    miss
}

/// Whose fault it is: a client's broken body ends the request that carries it.
fn broken(error: WireError, endpoint: &Endpoint) -> ProxyError {
    use std::error::Error as _;
    let cause = match &error {
        WireError::Request(cause) => Some(&**cause as &(dyn std::error::Error + 'static)),
        WireError::Http2(error) if error.is_user() => error.source(),
        WireError::LargeHead => return ProxyError::LargeHead { endpoint: endpoint.to_string() },
        WireError::Doubtful(flaw) => return ProxyError::Doubtful { endpoint: endpoint.to_string(), flaw },
        _ => return ProxyError::Broken { endpoint: endpoint.to_string(), error },
    };
    match cause.and_then(|cause| cause.downcast_ref()) {
        Some(BodyError::Paused(_)) => ProxyError::ClientPaused,
        Some(BodyError::Plugin(failed)) => ProxyError::Plugin(failed.clone()),
        Some(BodyError::Coding(coding)) => {
            ProxyError::Body { side: Side::Request, refusal: Refusal::Coding(coding.clone()) }
        }
        Some(BodyError::TooLarge) => ProxyError::LargeBody,
        Some(_) | None => ProxyError::ClientBody(error),
    }
}

/// Takes the response over into the exchange.
fn accept(
    exchange: &mut Exchange,
    response: Response<()>,
    connection: Connection<Body>,
    mut lease: Lease,
    upgrade: Option<Box<Upgrade>>,
) -> Result<Body, ProxyError> {
    let agreed = upgrade.filter(|upgrade| upgrade.is_agreed(&response));
    if agreed.is_some() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switch(exchange, response, connection, lease, agreed);
    }
    lease.succeed();
    let (mut head, ()) = response.into_parts();
    headers::strip_hop_by_hop(&mut head.headers);
    exchange.response = Some(ResponseHead { status: head.status, headers: head.headers });
    let limit = lease.upstream().settings().body_timeout;
    let mut body = Body::from_upstream(connection, limit);
    body.tail().lease = Some(lease);
    Ok(body)
}

fn switch(
    exchange: &mut Exchange,
    mut response: Response<()>,
    connection: Connection<Body>,
    lease: Lease,
    upgrade: Option<Box<Upgrade>>,
) -> Result<Body, ProxyError> {
    let endpoint = || lease.endpoint().map(ToString::to_string).unwrap_or_default();
    let far = FarEnd::of(&mut response, connection);
    let error = match upgrade.zip(far) {
        None => ProxyError::Unasked { endpoint: endpoint() },
        Some((upgrade, far)) => match upgrade.flaw(&response) {
            Some(flaw) => ProxyError::Doubtful { endpoint: endpoint(), flaw },
            None => {
                exchange.response = Some(upgrade.agreed(&response));
                upgrade.tunnel(far, exchange.id, lease);
                return Ok(Body::empty());
            }
        },
    };
    lease.fail();
    Err(error)
}
