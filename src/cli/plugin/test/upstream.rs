//! The mock upstreams: real servers on sockets of this machine that remember what reached them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use bytes::Bytes;
use futures_util::stream;
use http::request::Parts;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use super::message::{Answer, Body, Fail};

/// A request that reached an upstream.
#[derive(Debug)]
pub(super) struct Reached {
    /// The upstream's name.
    pub(super) upstream: Rc<str>,
    pub(super) head: Parts,
    pub(super) body: Bytes,
}

/// What all mock upstreams answer, and what has reached them.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) answer: Answer,
    pub(super) reached: Vec<Reached>,
    /// The plugin's own requests that are expected.
    pub(super) calls: Vec<Planned>,
    /// Those that nobody expected.
    pub(super) unplanned: Vec<Reached>,
}

/// A request of the plugin's own that is expected: what it is answered, and the one that came.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) upstream: String,
    pub(super) answer: Answer,
    pub(super) found: Option<Reached>,
}

impl Script {
    /// Takes down a request, and says what it is answered. One of the plugin's own that nobody expects is not answered.
    fn take(&mut self, request: Reached) -> Answer {
        if !request.is_call() {
            self.reached.push(request);
            return self.answer.clone();
        }
        let mut planned = self.calls.iter_mut();
        match planned.find(|planned| planned.found.is_none() && *planned.upstream == *request.upstream) {
            Some(planned) => {
                planned.found = Some(request);
                planned.answer.clone()
            }
            None => {
                self.unplanned.push(request);
                Answer { fail: Some(Fail::Unreachable), ..Answer::default() }
            }
        }
    }
}

impl Reached {
    /// Whether a plugin made the request: the gateway marks those.
    fn is_call(&self) -> bool {
        let marks = self.head.headers.get_all("cdn-loop");
        marks.into_iter().any(|mark| mark.as_bytes().windows(10).any(|part| part == b"gatewright"))
    }
}

/// Starts the upstream `name`.
pub(super) async fn start(name: &str, script: Rc<RefCell<Script>>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let name: Rc<str> = Rc::from(name);
    spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            spawn_local(serve(stream, Rc::clone(&name), Rc::clone(&script)));
        }
    });
    Ok(address)
}

async fn serve(stream: TcpStream, name: Rc<str>, script: Rc<RefCell<Script>>) {
    let service = service_fn(move |request| answer(request, Rc::clone(&name), Rc::clone(&script)));
    // A connection that breaks is what some cases are about.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// It closes the connection instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed")]
struct Closed;

async fn answer(
    request: Request<Incoming>,
    name: Rc<str>,
    script: Rc<RefCell<Script>>,
) -> Result<Response<Outgoing>, Closed> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let body = body.map_err(|_| Closed)?;
    let answer = script.borrow_mut().take(Reached { upstream: name, head, body });
    match answer.fail {
        None => {}
        Some(Fail::Timeout) => std::future::pending().await,
        Some(Fail::Unreachable) => return Err(Closed),
    }
    let mut response = Response::new(outgoing(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    Ok(response)
}

/// A body on its way.
pub(super) type Outgoing = UnsyncBoxBody<Bytes, Infallible>;

/// One piece has a length; several are sent one by one, without saying before how many there are.
pub(super) fn outgoing(mut pieces: Body) -> Outgoing {
    if pieces.len() <= 1 {
        return Full::new(pieces.pop().unwrap_or_default()).boxed_unsync();
    }
    let frames = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
    StreamBody::new(stream::iter(frames)).boxed_unsync()
}
