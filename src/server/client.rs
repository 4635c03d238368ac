use std::net::SocketAddr;
use std::rc::Rc;

use socket2::SockRef;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::debug;

use super::crowd::Seat;
use super::listener::Listener;
use super::proxy_header;
use super::tally::Open;
use crate::proxy::Peer;
use crate::socket::Stream;

/// What a client hears that has too many connections already. No request of it is read.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Both ends of a client's connection.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) client: SocketAddr,
    pub(super) local: SocketAddr,
}

/// A client that has connected: what is kept of it for as long as its connection lasts, or a tunnel of it.
pub(super) struct Client {
    pub(super) ends: Ends,
    /// As the listener was when it connected.
    pub(super) settings: Rc<Listener>,
    /// Closed when the listener goes.
    pub(super) listening: watch::Receiver<()>,
    pub(super) seat: Seat,
    /// Whoever waits for the connection's end waits for these to be dropped.
    pub(super) _held: (mpsc::Sender<()>, Open),
}

impl Client {
    /// Reads on whose behalf it comes; false where it does not say.
    pub(super) async fn is_told(&mut self, stream: &mut Stream) -> bool {
        let client = self.ends.client;
        match timeout(self.settings.patience.header, proxy_header::read(stream)).await {
            Ok(Ok(told)) => {
                self.ends = told.unwrap_or(self.ends);
                return true;
            }
            Ok(Err(error)) => debug!(%client, "connection closed: {error}"),
            Err(_) => debug!(%client, "connection closed: no PROXY header in time"),
        }
        false
    }

    /// Lets it in, unless it has as many connections as it may.
    pub(super) fn admit(mut self, stream: &Stream) -> Option<Rc<Self>> {
        let address = self.ends.client;
        if !self.seat.is_for(address.ip().to_canonical(), self.settings.max_connections_per_client) {
            debug!(client = %address, "refused: it has `max_connections_per_client` already");
            if self.settings.tls.is_none() {
                // Past the runtime, which has not heard of it yet.
                let _ = SockRef::from(stream).send(TOO_MANY);
            }
            return None;
        }
        Some(Rc::new(self))
    }

    /// Its connection as exchanges know it.
    pub(super) fn peer(self: &Rc<Self>) -> Rc<Peer> {
        let Listener { patience, max_body, trust, .. } = &*self.settings;
        let peer = Peer::new(self.ends.client, *patience, *max_body, Rc::clone(self) as _);
        Rc::new(peer.behind(trust).at(self.ends.local))
    }

    /// Whether its listener has gone.
    pub(super) fn parts(&self) -> bool {
        self.listening.has_changed().is_err()
    }
}
