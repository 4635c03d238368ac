//! The admin listener: health, status, metrics and reload, on an address of its own.

mod metrics;
mod status;

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ORIGIN};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use crate::metrics::Page;

pub use metrics::{Reloads, report};
pub use status::{EndpointStatus, ListenerStatus, PluginStatus, SourceStatus, Status, UpstreamStatus};

/// Where the outcome of a reload goes: the new generation, or the report of why the old configuration stays.
pub type ReloadAnswer = oneshot::Sender<Result<u64, String>>;

/// What the admin listener asks the gateway for, with where the answer goes.
#[derive(Debug)]
pub enum Ask {
    /// Reload.
    Reload(ReloadAnswer),
    /// How things stand.
    Status(oneshot::Sender<Status>),
    /// The numbers of how things stand.
    Metrics(oneshot::Sender<Page>),
}

/// Serves the admin listener for as long as the gateway runs.
pub async fn serve(listener: TcpListener, asks: mpsc::Sender<Ask>) {
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                tokio::spawn(connection(stream, client, asks.clone()));
            }
            Err(error) => {
                debug!("admin: cannot accept: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, client: SocketAddr, asks: mpsc::Sender<Ask>) {
    let service = service_fn(move |request| {
        let asks = asks.clone();
        async move { Ok::<_, Infallible>(handle(&request, &asks).await) }
    });
    let served =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = served.await {
        debug!(%client, "admin connection ended: {error}");
    }
}

async fn handle(request: &Request<Incoming>, asks: &mpsc::Sender<Ask>) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => text(StatusCode::OK, "ok\n"),
        (&Method::GET, "/readyz") if asks.is_closed() => stopping(),
        (&Method::GET, "/readyz") => text(StatusCode::OK, "ready\n"),
        (&Method::GET, "/status") => status(asks).await,
        (&Method::GET, "/metrics") => metrics(asks).await,
        (&Method::POST, "/reload") if request.headers().contains_key(ORIGIN) => {
            text(StatusCode::FORBIDDEN, "a web page cannot reload the gateway\n")
        }
        (&Method::POST, "/reload") => reload(asks).await,
        (_, "/healthz" | "/readyz" | "/status" | "/metrics" | "/reload") => {
            text(StatusCode::METHOD_NOT_ALLOWED, "wrong method\n")
        }
        _ => text(
            StatusCode::NOT_FOUND,
            "GET /healthz, GET /readyz, GET /status, GET /metrics, POST /reload\n",
        ),
    }
}

async fn reload(asks: &mpsc::Sender<Ask>) -> Response<Full<Bytes>> {
    match ask(asks, Ask::Reload).await {
        Some(Ok(generation)) => text(StatusCode::OK, format!("generation {generation} is in service\n")),
        Some(Err(report)) => text(StatusCode::CONFLICT, report),
        None => stopping(),
    }
}

async fn status(asks: &mpsc::Sender<Ask>) -> Response<Full<Bytes>> {
    let Some(status) = ask(asks, Ask::Status).await else { return stopping() };
    let json = serde_json::to_vec_pretty(&status).unwrap_or_default();
    respond(StatusCode::OK, "application/json", Bytes::from(json))
}

async fn metrics(asks: &mpsc::Sender<Ask>) -> Response<Full<Bytes>> {
    let Some(page) = ask(asks, Ask::Metrics).await else { return stopping() };
    respond(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", Bytes::from(page.text()))
}

async fn ask<T>(asks: &mpsc::Sender<Ask>, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
    let (sender, answer) = oneshot::channel();
    asks.send(ask(sender)).await.ok()?;
    answer.await.ok()
}

fn stopping() -> Response<Full<Bytes>> {
    text(StatusCode::SERVICE_UNAVAILABLE, "the gateway is stopping\n")
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text.into())
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
