//! `Upgrade`, and HTTP/2's extended CONNECT (RFC 8441): two connections become one tunnel. Whichever of the two a side
//! speaks, for plugins it is a GET that is answered with 101.

use std::io;
use std::rc::Rc;

use futures_util::future::try_join;
use http::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tracing::debug;

use super::body::Body;
use super::headers::{has_token, strip_hop_by_hop};
use super::peer::Peer;
use super::websocket;
use crate::exchange::{RequestId, ResponseHead};
use crate::upstream::{Change, Connection, Lease, Tunnel};

/// A client's wish to speak another protocol. It is large and rare: always in a box.
pub(super) struct Upgrade {
    protocol: HeaderValue,
    asked: Asked,
    /// Of the gateway's, for endpoints that speak HTTP/1.
    fields: HeaderMap,
    client: OnUpgrade,
    peer: Rc<Peer>,
}

/// How the client says so.
enum Asked {
    /// By `Upgrade`, of HTTP/1. For WebSocket with this key.
    Switch(Option<HeaderValue>),
    /// By extended CONNECT, of HTTP/2, which has no key.
    Connect,
}

impl Upgrade {
    /// The wish, where the request has one. An extended CONNECT for WebSocket is a GET from here on: so routes and plugins
    /// know the handshake from HTTP/1.
    pub(super) fn wanted(request: &mut Request<Incoming>, peer: &Rc<Peer>) -> Option<Box<Self>> {
        let mut fields = HeaderMap::new();
        let (protocol, asked) = match request.version() {
            Version::HTTP_2 => {
                let protocol = request.extensions().get::<Protocol>()?;
                if request.method() != Method::CONNECT || !websocket::is_name(protocol.as_ref()) {
                    return None;
                }
                fields.insert(SEC_WEBSOCKET_KEY, websocket::key()?);
                if !request.headers().contains_key(SEC_WEBSOCKET_VERSION) {
                    fields.insert(SEC_WEBSOCKET_VERSION, websocket::VERSION);
                }
                *request.method_mut() = Method::GET;
                request.headers_mut().remove(SEC_WEBSOCKET_KEY);
                (websocket::NAME, Asked::Connect)
            }
            _ => {
                let headers = request.headers();
                let protocol = headers.get(UPGRADE)?.clone();
                // `h2c` is about the client's own connection.
                let h2c = protocol.as_bytes().eq_ignore_ascii_case(b"h2c");
                if h2c || !has_token(headers, &CONNECTION, b"upgrade") {
                    return None;
                }
                let asked = Asked::Switch(headers.get(SEC_WEBSOCKET_KEY).cloned());
                (protocol, asked)
            }
        };
        let client = hyper::upgrade::on(request);
        Some(Box::new(Self { protocol, asked, fields, client, peer: Rc::clone(peer) }))
    }

    /// Whether it is an extended CONNECT, to which any 2xx says that the tunnel is open.
    pub(super) fn connects(&self) -> bool {
        matches!(self.asked, Asked::Connect)
    }

    /// Whether over HTTP/2 there is a way to ask an endpoint for it.
    pub(super) fn is_websocket(&self) -> bool {
        websocket::is_name(self.protocol.as_bytes())
    }

    /// What is said of it on the outgoing request.
    pub(super) fn change(&self) -> Change<'_> {
        Change { protocol: &self.protocol, fields: &self.fields, is_websocket: self.is_websocket() }
    }

    /// Whether the endpoint agrees.
    pub(super) fn is_agreed<B>(&self, response: &Response<B>) -> bool {
        match response.version() {
            Version::HTTP_2 => self.is_websocket() && response.status() == StatusCode::OK,
            _ => response.status() == StatusCode::SWITCHING_PROTOCOLS,
        }
    }

    /// What is wrong with how it agrees. A client of HTTP/1 sees for itself whether its key was answered.
    pub(super) fn flaw<B>(&self, response: &Response<B>) -> Option<&'static str> {
        let key = self.fields.get(SEC_WEBSOCKET_KEY).filter(|_| response.version() != Version::HTTP_2)?;
        websocket::flaw(response, key)
    }

    /// The head of the response that says that it was agreed on.
    pub(super) fn agreed<B>(&self, response: &Response<B>) -> ResponseHead {
        let mut headers = response.headers().clone();
        let protocol = headers.get(UPGRADE).unwrap_or(&self.protocol).clone();
        strip_hop_by_hop(&mut headers);
        match &self.asked {
            Asked::Connect => {
                headers.remove(SEC_WEBSOCKET_ACCEPT);
            }
            Asked::Switch(key) => {
                headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
                headers.insert(UPGRADE, protocol);
                answer(&mut headers, key.as_ref().filter(|_| response.version() == Version::HTTP_2));
            }
        }
        ResponseHead { status: StatusCode::SWITCHING_PROTOCOLS, headers }
    }

    /// Once the client has its answer, bytes go both ways until both sides have ended.
    pub(super) fn tunnel(self, far: FarEnd, id: RequestId, mut lease: Lease) {
        lease.succeed();
        let mut open = self.peer.begin();
        tokio::task::spawn_local(async move {
            // Held to the end: the balancer counts the tunnel, and a gateway that drains waits for it.
            let _held = (lease, self.peer);
            match far.join(self.client).await {
                Ok(Ok((up, down))) => debug!(request_id = %id, up, down, "tunnel ended"),
                Ok(Err(error)) => debug!(request_id = %id, "tunnel broke: {error}"),
                Err(error) => debug!(request_id = %id, "no tunnel: {error}"),
            }
            open.settle();
        });
    }
}

/// The endpoint's end of a tunnel.
pub(super) enum FarEnd {
    /// A connection of HTTP/1.
    Connection(Tunnel),
    /// A stream of HTTP/2, and its connection, which has one place less for as long.
    Stream(OnUpgrade, Connection<Body>),
}

/// What went through a tunnel: bytes up and down.
type Copied = io::Result<(u64, u64)>;

impl FarEnd {
    /// What the endpoint has agreed on with this response.
    pub(super) fn of(response: &mut Response<()>, connection: Connection<Body>) -> Option<Self> {
        match response.version() {
            Version::HTTP_2 => Some(Self::Stream(hyper::upgrade::on(response), connection)),
            _ => connection.into_tunnel().map(Self::Connection),
        }
    }

    async fn join(self, client: OnUpgrade) -> hyper::Result<Copied> {
        match self {
            Self::Connection(mut endpoint) => {
                let mut client = TokioIo::new(client.await?);
                Ok(copy_bidirectional(&mut client, &mut endpoint).await)
            }
            Self::Stream(endpoint, _held) => {
                let (client, endpoint) = try_join(client, endpoint).await?;
                Ok(copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(endpoint)).await)
            }
        }
    }
}

/// The client has sent a key that HTTP/2 had no use for.
fn answer(headers: &mut HeaderMap, key: Option<&HeaderValue>) {
    if let Some(accept) = key.and_then(websocket::accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
}
