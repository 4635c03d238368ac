//! `Upgrade`: two connections become one tunnel.

use std::rc::Rc;

use http::Request;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tracing::debug;

use super::headers::has_token;
use super::peer::Peer;
use crate::exchange::RequestId;
use crate::upstream::{Lease, Tunnel};

/// A client's wish to speak another protocol.
pub(super) struct Upgrade {
    protocol: HeaderValue,
    client: OnUpgrade,
    peer: Rc<Peer>,
}

impl Upgrade {
    /// The wish, where the request has one. `h2c` is none: it is about the client's own connection.
    pub(super) fn wanted(request: &mut Request<Incoming>, peer: &Rc<Peer>) -> Option<Self> {
        let headers = request.headers();
        let protocol = headers.get(UPGRADE)?.clone();
        let h2c = protocol.as_bytes().eq_ignore_ascii_case(b"h2c");
        if h2c || !has_token(headers, &CONNECTION, b"upgrade") {
            return None;
        }
        Some(Self { protocol, client: hyper::upgrade::on(request), peer: Rc::clone(peer) })
    }

    /// Which one.
    pub(super) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }

    /// The endpoint agreed: once the client has its answer, bytes go both ways until both sides have ended.
    pub(super) fn tunnel(self, mut endpoint: Tunnel, id: RequestId, mut lease: Lease) {
        lease.succeed();
        tokio::task::spawn_local(async move {
            // Held to the end: the balancer counts the tunnel, and a gateway that drains waits for it.
            let _held = (lease, self.peer);
            let mut client = match self.client.await {
                Ok(client) => TokioIo::new(client),
                Err(error) => return debug!(request_id = %id, "no tunnel: {error}"),
            };
            match copy_bidirectional(&mut client, &mut endpoint).await {
                Ok((up, down)) => debug!(request_id = %id, up, down, "tunnel ended"),
                Err(error) => debug!(request_id = %id, "tunnel broke: {error}"),
            }
        });
    }
}
