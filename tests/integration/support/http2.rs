use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::wait::DEADLINE;

pub(crate) type Body = BoxBody<Bytes, hyper::Error>;

/// An HTTP/2 client as people use them: one connection, many requests at a time.
pub(crate) struct Http2 {
    pub(crate) runtime: Runtime,
    pub(crate) sender: SendRequest<Body>,
}

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: http::response::Parts,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

/// A request's body that is there already.
pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

/// A GET without fields.
pub(crate) fn get2(path: &str) -> http::Request<Body> {
    http::Request::get(format!("http://gateway.test{path}")).body(whole("")).unwrap()
}

impl Http2 {
    /// A connection that speaks HTTP/2 at once.
    #[track_caller]
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let sender = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            sender
        });
        Self { runtime, sender }
    }

    /// Sends a request and reads its response.
    #[track_caller]
    pub(crate) fn ask(&mut self, request: http::Request<Body>) -> Answer {
        self.ask_all(vec![request]).pop().unwrap()
    }

    /// Sends all requests at once and reads all responses.
    #[track_caller]
    pub(crate) fn ask_all(&mut self, requests: Vec<http::Request<Body>>) -> Vec<Answer> {
        self.try_ask_all(requests).into_iter().map(|answer| answer.expect("a whole response")).collect()
    }

    pub(crate) fn try_ask_all(
        &mut self,
        requests: Vec<http::Request<Body>>,
    ) -> Vec<Result<Answer, hyper::Error>> {
        let Self { runtime, sender } = self;
        runtime.block_on(async {
            let asked: Vec<_> =
                requests.into_iter().map(|request| tokio::spawn(ask(sender.clone(), request))).collect();
            let mut answers = Vec::new();
            for answer in asked {
                answers.push(timeout(DEADLINE, answer).await.expect("the answer comes").unwrap());
            }
            answers
        })
    }
}

async fn ask(mut sender: SendRequest<Body>, request: http::Request<Body>) -> Result<Answer, hyper::Error> {
    sender.ready().await?;
    read(sender.send_request(request).await?).await
}

/// Reads a response to its end.
pub(crate) async fn read(response: http::Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = response.into_parts();
    let whole = body.collect().await?;
    let trailers = whole.trailers().cloned();
    Ok(Answer { head, body: whole.to_bytes().to_vec(), trailers })
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A request's body that is sent piece by piece, and ends when the sender is dropped.
pub(crate) fn pieces() -> (UnboundedSender<Bytes>, Body) {
    let (sender, receiver) = unbounded_channel();
    (sender, Pieces(receiver).boxed())
}

struct Pieces(UnboundedReceiver<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
