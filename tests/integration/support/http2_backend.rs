use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::{Body, Frame};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

/// A backend that speaks nothing but HTTP/2. It sends every request's body back as it comes in, with `grpc-status` in the
/// trailers.
pub(crate) struct Http2Backend {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    heads: Mutex<Vec<http::request::Parts>>,
    open: AtomicUsize,
}

/// A request's body on its way back.
struct Echo {
    incoming: Option<Incoming>,
    seen: Arc<Seen>,
}

impl Http2Backend {
    pub(crate) fn echo() -> Self {
        Self::start(http2::Builder::new(TokioExecutor::new()))
    }

    /// One that announces extended CONNECT, and sends back what comes out of each tunnel.
    pub(crate) fn tunnels() -> Self {
        let mut protocol = http2::Builder::new(TokioExecutor::new());
        protocol.enable_connect_protocol();
        Self::start(protocol)
    }

    fn start(protocol: http2::Builder<TokioExecutor>) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, seen) = (Arc::new(AtomicUsize::new(0)), Arc::new(Seen::default()));
        let (counted, shown) = (Arc::clone(&connections), Arc::clone(&seen));
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((socket, _)) = listener.accept().await {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let seen = Arc::clone(&shown);
                    let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
                    tokio::spawn(protocol.serve_connection(TokioIo::new(socket), service));
                }
            });
        });
        Self { address, connections, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many responses have not ended.
    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    pub(crate) fn heads(&self) -> Vec<http::request::Parts> {
        self.seen.heads.lock().unwrap().clone()
    }
}

async fn answer(mut request: Request<Incoming>, seen: Arc<Seen>) -> Result<Response<Echo>, Infallible> {
    seen.open.fetch_add(1, Ordering::SeqCst);
    if request.method() == Method::CONNECT {
        let tunnel = hyper::upgrade::on(&mut request);
        seen.heads.lock().unwrap().push(request.into_parts().0);
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(TokioIo::new(tunnel.await.unwrap()));
            tokio::io::copy(&mut from, &mut to).await.unwrap();
            to.shutdown().await.unwrap();
        });
        return Ok(Response::builder()
            .header("sec-websocket-protocol", "chat")
            .body(Echo { incoming: None, seen })
            .unwrap());
    }
    let (head, incoming) = request.into_parts();
    seen.heads.lock().unwrap().push(head);
    Ok(Response::new(Echo { incoming: Some(incoming), seen }))
}

impl Body for Echo {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        match Pin::new(incoming).poll_frame(context) {
            Poll::Ready(None) => {
                self.incoming = None;
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("0"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            other => other,
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.seen.open.fetch_sub(1, Ordering::SeqCst);
    }
}
