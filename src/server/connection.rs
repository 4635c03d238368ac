use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tracing::debug;

use super::aside::Aside;
use super::guard::{HeadLimits, Turns};
use super::http2;
use super::stream::ClientStream;
use super::streams::Streams;
use super::transport::{Beginning, PREFACE, Transport};
use super::watched::Watched;
use crate::proxy::{Body, Peer, Proxy};
use crate::socket::Stream;
use crate::tls;

/// Fields that hyper reads without an allocation, and does unless it is told otherwise.
const USUAL_FIELDS: usize = 100;

/// Bytes that hyper's buffer may grow to unless it is told otherwise, and a little less.
const USUAL_BUFFER: usize = 400 << 10;

/// What a listener's connections are held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    /// How large the head of a request may be.
    pub head: HeadLimits,
    /// Requests that an HTTP/1 connection may serve.
    pub max_requests: u32,
    /// HTTP/2, where it is spoken.
    pub http2: Option<Http2>,
}

/// How HTTP/2 is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http2 {
    /// Streams that a connection may have open at a time.
    pub max_streams: u32,
    /// Bytes of a request's body that may be on their way and not yet passed on: of one stream,
    pub stream_window: u32,
    /// and of all streams of a connection.
    pub connection_window: u32,
}

/// A connection of either protocol.
pub(super) trait Connection: Future<Output = hyper::Result<()>> {
    /// How long a client that has just been answered is waited for where its listener goes: its next request may be on the
    /// way, and would meet a closed connection.
    const PARTING: Duration;

    /// How long the client of a connection that is closed for its idleness may take to hear of it.
    const GOODBYE: Duration;

    /// Ends after what is open; at once where nothing is.
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<S> Connection for http1::UpgradeableConnection<ClientStream<Transport>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    const PARTING: Duration = Duration::from_millis(250);

    const GOODBYE: Duration = Duration::ZERO;

    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}

/// A client that has connected.
pub(super) struct Client {
    pub(super) socket: Stream,
    /// What it must speak first.
    pub(super) tls: Option<Arc<tls::Server>>,
    pub(super) peer: Rc<Peer>,
}

/// Serves one connection until it ends, its client takes too long, or its listener goes and it has become idle.
pub(super) async fn serve(
    client: Client,
    proxy: Rc<Proxy>,
    protocols: Protocols,
    mut listening: watch::Receiver<()>,
) {
    let peer = client.peer;
    let overdue = overdue(&peer);
    tokio::pin!(overdue);
    let mut transport = match client.tls {
        None => Transport::Clear(client.socket),
        Some(tls) => tokio::select! {
            biased;
            stream = tls.acceptor().accept(client.socket) => match stream {
                Ok(stream) => Transport::Tls(Box::new(stream)),
                Err(error) => return debug!(client = %peer.address, "no TLS: {error}"),
            },
            () = overdue.as_mut() => return took_too_long(&peer),
        },
    };
    peer.secured(transport.facts());
    let beginning = match (protocols.http2, transport.agreed()) {
        (None, _) | (_, Some(tls::HTTP1)) => Beginning::default(),
        (_, Some(tls::HTTP2)) => Beginning { is_http2: true, ..Beginning::default() },
        _ => tokio::select! {
            biased;
            beginning = Beginning::read(&mut transport) => match beginning {
                Ok(beginning) => beginning,
                Err(error) => return debug!(client = %peer.address, "connection ended: {error}"),
            },
            () = overdue.as_mut() => return took_too_long(&peer),
            // The request that may still come is HTTP/1's to wait for, or not.
            _ = listening.changed() => Beginning::default(),
        },
    };
    match protocols.http2.filter(|_| beginning.is_http2) {
        Some(settings) => {
            peer.activity().rest();
            // Most of what comes in over HTTP/2 is about the connection itself and begins no request.
            let stream = TokioIo::new(Watched::new(transport, beginning.bytes, PREFACE.len()));
            let streams = Streams::new(peer.patience);
            let service = |request| answer(&proxy, &peer, &streams, request);
            let protocol = http2::protocol(settings, protocols.head.head, streams.clone());
            let connection = protocol.serve_connection(stream, service_fn(service));
            drive(connection, &peer, None, overdue, listening).await;
        }
        None => {
            let turns = Arc::new(Turns::new(&peer));
            let stream = ClientStream::new(transport, &beginning.bytes, protocols.head, Arc::clone(&turns));
            let service = |request| answer_in_turn(&proxy, &peer, &turns, protocols.max_requests, request);
            let connection =
                http1(&protocols.head).serve_connection(stream, service_fn(service)).with_upgrades();
            drive(connection, &peer, Some(&turns), overdue, listening).await;
        }
    }
}

/// Answers a request of HTTP/2.
fn answer(
    proxy: &Rc<Proxy>,
    peer: &Rc<Peer>,
    streams: &Streams,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let (proxy, peer, stall) = (Rc::clone(proxy), Rc::clone(peer), streams.begin());
    async move {
        let mut response = proxy.handle(request, &peer).await;
        response.body_mut().in_stream(stall);
        Ok::<_, Infallible>(response)
    }
}

/// Like [`answer`], for requests of HTTP/1 that have passed the guard, or were put in the place of one that has not.
fn answer_in_turn(
    proxy: &Rc<Proxy>,
    peer: &Rc<Peer>,
    turns: &Arc<Turns>,
    max_requests: u32,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let (proxy, peer, turns) = (Rc::clone(proxy), Rc::clone(peer), Arc::clone(turns));
    async move {
        if let Some(refusal) = turns.begin() {
            request.extensions_mut().insert(refusal);
        }
        let last = turns.begun() >= max_requests;
        let mut response = proxy.handle(request, &peer).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            turns.switch();
        } else if last || peer.parts() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(response)
    }
}

/// What may happen to a connection besides its exchanges.
enum Event {
    /// Its client has taken too long.
    Overdue,
    /// Its client takes back too many requests.
    Restless,
    /// Its listener has gone, and it can be told to end.
    Parting,
}

/// Keeps a connection going to its end.
async fn drive<C: Connection>(
    connection: C,
    peer: &Peer,
    turns: Option<&Turns>,
    mut overdue: Pin<&mut impl Future<Output = ()>>,
    mut listening: watch::Receiver<()>,
) {
    tokio::pin!(connection);
    let mut restless = pin!(peer.restless());
    let mut parting = pin!(parting(peer, &mut listening, C::PARTING).map(|()| Event::Parting).fuse());
    let mut events = Aside::new(poll_fn(|context| {
        if overdue.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Overdue);
        }
        if restless.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Restless);
        }
        parting.as_mut().poll(context)
    }));
    let ended = loop {
        let event = tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            event = &mut events => event,
        };
        match event {
            Event::Overdue => {
                took_too_long(peer);
                // Whoever has sent half a head hears of it.
                if turns.is_some_and(Turns::expire) {
                    tokio::select! {
                        biased;
                        ended = connection.as_mut() => break ended,
                        () = self::overdue(peer) => {}
                    }
                }
                return leave(connection, C::GOODBYE).await;
            }
            Event::Restless => {
                debug!(client = %peer.address, "connection closed: its client takes back too many requests");
                return leave(connection, Duration::ZERO).await;
            }
            Event::Parting => connection.as_mut().graceful_shutdown(),
        }
    };
    if let Err(error) = ended {
        debug!(client = %peer.address, "connection ended: {error}");
    }
}

/// Comes back when the listener has gone and the connection can be told to end: in the middle of an exchange, or after
/// `grace` without one. What is answered meanwhile is the last answer.
async fn parting(peer: &Peer, listening: &mut watch::Receiver<()>, grace: Duration) {
    // The sender is never used, only dropped.
    let _ = listening.changed().await;
    peer.part();
    while let Some(quiet) = peer.quiet_since() {
        let until = quiet + grace;
        if until <= Instant::now() {
            return;
        }
        sleep_until(until.into()).await;
    }
}

/// Says that the connection ends, and ends it.
async fn leave(mut connection: Pin<&mut impl Connection>, goodbye: Duration) {
    connection.as_mut().graceful_shutdown();
    let said = poll_fn(|context| Poll::Ready(connection.as_mut().poll(context).is_ready())).await;
    if !said && !goodbye.is_zero() {
        let _ = timeout(goodbye, connection).await;
    }
}

fn took_too_long(peer: &Peer) {
    debug!(client = %peer.address, "connection closed: its client took too long");
}

fn http1(limits: &HeadLimits) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    // The peer keeps all deadlines of a connection with one timer; hyper's own would be one for each request.
    protocol.header_read_timeout(None).max_header_size(limits.head);
    if limits.fields > USUAL_FIELDS {
        protocol.max_headers(limits.fields);
    }
    if limits.head > USUAL_BUFFER {
        protocol.max_buf_size(limits.head);
    }
    protocol
}

/// Comes back when the client has taken too long.
///
/// A connection is looked at when its time is up, and at least once in the shorter of the two timeouts: what it is doing
/// may have changed meanwhile. So a timeout strikes late by at most the shorter one, and a connection costs one timer
/// rather than one for each request.
async fn overdue(peer: &Peer) {
    loop {
        let now = Instant::now();
        let again = now + peer.patience.header.min(peer.patience.idle).min(peer.patience.send);
        match peer.deadline() {
            Some(deadline) if deadline <= now => return,
            Some(deadline) => sleep_until(deadline.min(again).into()).await,
            None => sleep_until(again.into()).await,
        }
    }
}
