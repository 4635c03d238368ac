//! HTTP/1 with clients.

use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use tokio::sync::watch;
use tracing::debug;

use super::clock::Clock;
use super::connection::{Connection, Protocols, Still, drive};
use super::guard::{HeadLimits, Turns};
use super::stream::ClientStream;
use super::transport::Transport;
use crate::proxy::{Body, Peer, Proxy};

/// Fields that hyper reads without an allocation, and does unless it is told otherwise.
const USUAL_FIELDS: usize = 100;

/// Bytes that hyper's buffer may grow to unless it is told otherwise, and a little less.
const USUAL_BUFFER: usize = 400 << 10;

type Http1<S> = http1::UpgradeableConnection<ClientStream, S>;

impl<S> Connection for Http1<S>
where
    S: HttpService<Incoming, ResBody = Body>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    const PARTING: Duration = Duration::from_millis(250);

    const GOODBYE: Duration = Duration::ZERO;

    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}

/// Serves a connection that began with `first` and may serve `left` requests: to its end, which is `None`, or until it has
/// idled for a while. Then what is left is the socket, and how many requests it has served.
///
/// hyper keeps two buffers of 8 KiB and the room for an exchange as long as it has a connection.
pub(super) async fn serve(
    (transport, first): (Transport, Bytes),
    (proxy, peer): (&Rc<Proxy>, &Rc<Peer>),
    (protocols, left): (Protocols, u32),
    clock: &mut Clock<'_>,
    listening: &mut watch::Receiver<()>,
) -> Option<(Transport, u32)> {
    let turns = Arc::new(Turns::new(peer));
    let stream = ClientStream::new(transport, &first, protocols.head, Arc::clone(&turns));
    drop(first);
    let service = |request| answer(proxy, peer, &turns, left, request);
    let mut connection =
        protocol(&protocols.head).serve_connection(stream, service_fn(service)).with_upgrades();
    let Still::Resting = drive(Pin::new(&mut connection), peer, Some(&turns), clock, listening).await else {
        return None;
    };
    let parts = connection.into_parts()?;
    let idle = parts.io.into_idle().filter(|_| parts.read_buf.is_empty());
    if idle.is_none() {
        debug!(client = %peer.address, "connection closed: it was not at rest");
    }
    Some((idle?, turns.begun()))
}

/// Answers a request that has passed the guard, or was put in the place of one that has not.
fn answer(
    proxy: &Rc<Proxy>,
    peer: &Rc<Peer>,
    turns: &Arc<Turns>,
    left: u32,
    mut request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Body>, Infallible>> + use<> {
    if let Some(refusal) = turns.begin() {
        request.extensions_mut().insert(refusal);
    }
    let last = turns.begun() >= left;
    let (ends, turns) = (Rc::clone(peer), Arc::clone(turns));
    // Not another future around this one, which would be room for it twice.
    proxy.handle(request, peer).map(move |mut response| {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            turns.switch();
        } else if last || ends.parts() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(response)
    })
}

fn protocol(limits: &HeadLimits) -> http1::Builder {
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
