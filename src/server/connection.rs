use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};
use tracing::debug;

use super::aside::Aside;
use super::client::Client;
use super::clock::{Clock, Due};
use super::guard::{HeadLimits, Turns};
use super::http1;
use super::http2;
use super::rest::{Rest, Sleeper};
use super::streams::Streams;
use super::transport::{Beginning, PREFACE, Transport};
use super::watched::Watched;
use crate::proxy::{Body, Peer, Proxy};
use crate::socket::Stream;
use crate::tls;

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

/// What all connections of a worker share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) proxy: Rc<Proxy>,
    pub(super) rest: Rc<Rest>,
}

/// Serves one connection until it ends, its client takes too long, its listener goes and it has become idle, or it rests.
pub(super) async fn serve(socket: Stream, client: Rc<Client>, shared: Shared) {
    let (peer, protocols) = (client.peer(), client.settings.protocols);
    let (mut clock, mut listening) = (Clock::new(&peer), client.listening.clone());
    let mut transport = match &client.settings.tls {
        None => Transport::Clear(socket),
        Some(tls) => tokio::select! {
            biased;
            // In a box: what a handshake needs goes with it.
            stream = Box::pin(tls.acceptor().accept(socket)) => match stream {
                Ok(stream) => Transport::Tls(Box::new(stream)),
                Err(error) => return debug!(client = %peer.address, "no TLS: {error}"),
            },
            () = poll_fn(|context| clock.poll_overdue(context)) => return took_too_long(&peer),
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
            () = poll_fn(|context| clock.poll_overdue(context)) => return took_too_long(&peer),
            // The request that may still come is HTTP/1's to wait for, or not.
            _ = listening.changed() => Beginning::default(),
        },
    };
    match protocols.http2.filter(|_| beginning.is_http2) {
        Some(settings) => {
            clock.slow_down();
            peer.activity().rest();
            // In a box: connections of HTTP/1 should not be room for it.
            let head = protocols.head.head;
            let begun = (transport, beginning.bytes);
            Box::pin(serve_http2(
                begun,
                (&shared.proxy, &peer),
                (settings, head),
                &mut clock,
                &mut listening,
            ))
            .await;
        }
        None => {
            let begun = (transport, beginning.bytes);
            serve_http1(begun, 0, (&client, &peer), &shared, &mut clock, &mut listening).await;
        }
    }
}

/// Goes on with a connection that has rested.
pub(super) async fn go_on(sleeper: Sleeper, shared: Shared) {
    let (client, served) = (Rc::clone(&sleeper.client), sleeper.served);
    let peer = client.peer();
    let transport = match sleeper.wake() {
        Ok(transport) => transport,
        Err(error) => return debug!(client = %peer.address, "connection closed: {error}"),
    };
    peer.secured(transport.facts());
    // What has come in is not known to be a request yet.
    peer.activity().rest();
    let (mut clock, mut listening) = (Clock::new(&peer), client.listening.clone());
    let begun = (transport, Bytes::new());
    serve_http1(begun, served, (&client, &peer), &shared, &mut clock, &mut listening).await;
}

/// Serves a connection of HTTP/1 that has `served` requests already, and lets it rest where it comes to that.
async fn serve_http1(
    begun: (Transport, Bytes),
    served: u32,
    (client, peer): (&Rc<Client>, &Rc<Peer>),
    Shared { proxy, rest }: &Shared,
    clock: &mut Clock<'_>,
    listening: &mut watch::Receiver<()>,
) {
    let protocols = client.settings.protocols;
    let limits = (protocols, protocols.max_requests.saturating_sub(served));
    let Some((transport, more)) = http1::serve(begun, (proxy, peer), limits, clock, listening).await else {
        return;
    };
    let since = peer.idle_since().unwrap_or_else(Instant::now);
    match rest.lay(transport, Rc::clone(client), (served.saturating_add(more), since)) {
        Ok(()) => debug!(client = %peer.address, "connection rests"),
        Err(error) => debug!(client = %peer.address, "connection closed: it cannot rest: {error}"),
    }
}

/// Serves a connection of HTTP/2 that began with `first`.
async fn serve_http2(
    (transport, first): (Transport, Bytes),
    (proxy, peer): (&Rc<Proxy>, &Rc<Peer>),
    (settings, max_head): (Http2, usize),
    clock: &mut Clock<'_>,
    listening: &mut watch::Receiver<()>,
) {
    // Most of what comes in over HTTP/2 is about the connection itself and begins no request.
    let stream = TokioIo::new(Watched::new(transport, first, PREFACE.len()));
    let streams = Streams::new(peer.patience);
    let service = |request| answer(proxy, peer, &streams, request);
    let protocol = http2::protocol(settings, max_head, streams.clone());
    let connection = pin!(protocol.serve_connection(stream, service_fn(service)));
    drive(connection, peer, None, clock, listening).await;
}

/// Answers a request of HTTP/2.
fn answer(
    proxy: &Rc<Proxy>,
    peer: &Rc<Peer>,
    streams: &Streams,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    let (proxy, peer, stall) = (Rc::clone(proxy), Rc::clone(peer), streams.begin());
    // All of it in the stream's own task: what goes wrong there is no other stream's concern.
    async move {
        let mut response = proxy.handle(request, &peer).await;
        response.body_mut().in_stream(stall);
        Ok::<_, Infallible>(response)
    }
}

/// What may happen to a connection besides its exchanges.
enum Event {
    /// Its client has taken too long.
    Overdue,
    /// It has idled for a while.
    Rest,
    /// Its client takes back too many requests.
    Restless,
    /// Its listener has gone, and it can be told to end.
    Parting,
}

/// How a connection came out of being driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Still {
    /// It has ended.
    Ended,
    /// It idles, and everything that it had to say is said.
    Resting,
}

/// Keeps a connection going to its end; one of HTTP/1, which has `turns`, until it rests.
pub(super) async fn drive<C: Connection>(
    mut connection: Pin<&mut C>,
    peer: &Peer,
    turns: Option<&Turns>,
    clock: &mut Clock<'_>,
    listening: &mut watch::Receiver<()>,
) -> Still {
    let mut restless = pin!(peer.restless());
    let mut parting = pin!(parting(peer, listening, C::PARTING).map(|()| Event::Parting).fuse());
    let may_rest = || turns.is_some_and(Turns::may_rest) && !peer.parts();
    let mut events = Aside::new(poll_fn(|context| {
        if let Poll::Ready(parting) = parting.as_mut().poll(context) {
            return Poll::Ready(parting);
        }
        if restless.as_mut().poll(context).is_ready() {
            return Poll::Ready(Event::Restless);
        }
        clock.poll(context, may_rest).map(|due| match due {
            Due::Overdue => Event::Overdue,
            Due::Rest => Event::Rest,
        })
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
                    drop(events);
                    tokio::select! {
                        biased;
                        ended = connection.as_mut() => break ended,
                        () = poll_fn(|context| clock.poll_overdue(context)) => {}
                    }
                }
                leave(connection, C::GOODBYE).await;
                return Still::Ended;
            }
            Event::Restless => {
                debug!(client = %peer.address, "connection closed: its client takes back too many requests");
                leave(connection, Duration::ZERO).await;
                return Still::Ended;
            }
            Event::Parting => connection.as_mut().graceful_shutdown(),
            Event::Rest => return Still::Resting,
        }
    };
    if let Err(error) = ended {
        debug!(client = %peer.address, "connection ended: {error}");
    }
    Still::Ended
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
