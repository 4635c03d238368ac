//! The client: one request, on a connection of its own, from the address that the case says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::response::Parts;
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::task::spawn_local;

use super::message::Request;
use super::upstream::outgoing;
use crate::proxy::{Patience, Peer, Proxy};

/// Bytes on their way between the client and the gateway.
const PIPE: usize = 64 * 1024;

/// The port of all clients.
const PORT: u16 = 50_000;

/// Sends the request. `patience` is what the gateway has with the client.
pub(super) async fn ask(
    proxy: &Rc<Proxy>,
    request: &Request,
    patience: Duration,
) -> Result<(Parts, Bytes), String> {
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let address = SocketAddr::new(request.client, PORT);
    spawn_local(serve(Rc::clone(proxy), address, patience, theirs));
    let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(ours))
        .await
        .map_err(|error| format!("cannot send the request: {error}"))?;
    spawn_local(connection);
    let mut message = http::Request::new(outgoing(request.body.clone()));
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = request.target.clone().into();
    *message.headers_mut() = request.headers.clone();
    let response = client.send_request(message).await.map_err(|error| format!("no response: {error}"))?;
    let (head, mut body) = response.into_parts();
    // Of a body that breaks off, what came of it is compared: a client would see that, too.
    let mut whole = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        whole.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
    }
    Ok((head, Bytes::from(whole)))
}

/// The gateway's side of the connection.
async fn serve(proxy: Rc<Proxy>, client: SocketAddr, patience: Duration, stream: DuplexStream) {
    let patience =
        Patience { header: patience, idle: patience, body: patience, send: patience, request: None };
    let peer = Rc::new(Peer::new(client, patience, u64::MAX, Rc::new(())));
    let service = service_fn(move |request| proxy.handle(request, &peer).map(Ok::<_, Infallible>));
    let protocol = hyper::server::conn::http1::Builder::new();
    // What goes wrong with it, the client sees as well.
    let _ = protocol.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}
