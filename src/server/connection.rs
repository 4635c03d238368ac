use std::convert::Infallible;
use std::rc::Rc;
use std::time::Instant;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::sleep_until;
use tracing::debug;

use super::stream::ClientStream;
use crate::proxy::{Peer, Proxy};

/// Serves one connection until it ends, its client takes too long, or its listener goes and it has become idle.
pub(super) async fn serve(
    socket: TcpStream,
    peer: Rc<Peer>,
    proxy: Rc<Proxy>,
    max_head: usize,
    mut listening: watch::Receiver<()>,
) {
    let service = {
        let peer = Rc::clone(&peer);
        service_fn(move |request| {
            let (proxy, peer) = (Rc::clone(&proxy), Rc::clone(&peer));
            async move { Ok::<_, Infallible>(proxy.handle(request, &peer).await) }
        })
    };
    let stream = ClientStream::new(socket, peer.activity());
    let connection = protocol(max_head).serve_connection(stream, service).with_upgrades();
    tokio::pin!(connection);
    let overdue = overdue(&peer);
    tokio::pin!(overdue);
    let mut closing = false;
    let ended = loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => break ended,
            () = overdue.as_mut() => {
                return debug!(client = %peer.address, "connection closed: its client took too long");
            }
            // The sender is never used, only dropped.
            _ = listening.changed(), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = ended {
        debug!(client = %peer.address, "connection ended: {error}");
    }
}

fn protocol(max_head: usize) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    // The peer keeps all deadlines of a connection with one timer; hyper's own would be one for each request.
    protocol.header_read_timeout(None).max_header_size(max_head);
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
        let again = now + peer.patience.header.min(peer.patience.idle);
        match peer.deadline() {
            Some(deadline) if deadline <= now => return,
            Some(deadline) => sleep_until(deadline.min(again).into()).await,
            None => sleep_until(again.into()).await,
        }
    }
}
