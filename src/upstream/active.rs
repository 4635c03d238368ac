//! Active health: endpoints are asked how they are, whether or not requests go to them.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::debug;

use super::dial::dial;
use super::endpoint::Endpoint;
use super::error::is_scarce;
use super::upstream::{Protocol, Settings};
use crate::tls;

/// How far the checks of different gateways and endpoints stray from the interval, to either side: without it all would
/// ask at the same moments.
const JITTER: f64 = 0.1;

/// The first checks come within this time, for the same reason.
const SPREAD: Duration = Duration::from_millis(200);

/// How an upstream's endpoints are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// What is asked.
    pub probe: Probe,
    /// From one question to the next.
    pub interval: Duration,
    /// How long the answer may take, the connection included.
    pub timeout: Duration,
    /// Good answers in a row that bring an endpoint back.
    pub rise: u32,
    /// Bad ones that take it out.
    pub fall: u32,
}

/// What an endpoint is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether it accepts a connection.
    Tcp,
    /// `GET path`.
    Http {
        /// The path.
        path: PathAndQuery,
        /// The `Host`, where it is not the endpoint's own.
        host: Option<HeaderValue>,
        /// The good answers.
        status: RangeInclusive<u16>,
    },
}

/// What the checks say of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing yet. It is used meanwhile: a gateway that starts serves at once.
    Unknown,
    /// It is well.
    Up,
    /// It is not, and gets no requests.
    Down,
}

/// An endpoint's [`Health`], shared by all workers.
#[derive(Debug, Default)]
pub(super) struct Active(AtomicU8);

impl Active {
    pub(super) fn get(&self) -> Health {
        match self.0.load(Ordering::Relaxed) {
            0 => Health::Unknown,
            1 => Health::Up,
            _ => Health::Down,
        }
    }

    pub(super) fn set(&self, up: bool) {
        self.0.store(if up { 1 } else { 2 }, Ordering::Relaxed);
    }
}

/// Why a check failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    #[error("no TLS: {0}")]
    Tls(#[source] std::io::Error),
    #[error("HTTP/2 has no place for the host {0:?}")]
    Host(HeaderValue),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("no answer within {0:?}")]
    Late(Duration),
}

/// The task that asks an endpoint. It ends when this is dropped, with the endpoint.
#[derive(Debug)]
pub(super) struct Check(AbortHandle);

impl Check {
    /// Begins, on the runtime that this is called from. `upstream` is the endpoint's.
    pub(super) fn start(
        endpoint: &Arc<Endpoint>,
        upstream: &Arc<Settings>,
        settings: &CheckSettings,
    ) -> Self {
        let watching = watch(Arc::downgrade(endpoint), Arc::clone(upstream), settings.clone());
        Self(tokio::spawn(watching).abort_handle())
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(endpoint: Weak<Endpoint>, upstream: Arc<Settings>, settings: CheckSettings) {
    let mut streak = Streak::new(settings.rise, settings.fall);
    sleep(settings.interval.min(SPREAD).mul_f64(fastrand::f64())).await;
    loop {
        let next = Instant::now() + jittered(settings.interval);
        // Held for no longer than the question takes: one that is gone is asked no more.
        let Some(endpoint) = endpoint.upgrade() else { return };
        let asked = timeout(settings.timeout, ask(&endpoint, &upstream, &settings.probe)).await;
        let result = asked.unwrap_or(Err(CheckError::Late(settings.timeout)));
        if let Err(CheckError::Connect(error)) = &result
            && is_scarce(error)
        {
            // Nobody has been asked, so nobody has failed to answer.
            debug!(upstream = upstream.name, %endpoint, "not checked: {error}");
        } else if streak.turns(result.is_ok()) {
            endpoint.checked(&upstream.name, result);
        }
        drop(endpoint);
        sleep_until(next).await;
    }
}

fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * fastrand::f64())
}

/// Counts answers. The first one decides at once; after that, it takes some in a row to change a mind.
#[derive(Debug)]
struct Streak {
    rise: u32,
    fall: u32,
    up: Option<bool>,
    /// Answers in a row that say otherwise.
    against: u32,
}

impl Streak {
    fn new(rise: u32, fall: u32) -> Self {
        Self { rise, fall, up: None, against: 0 }
    }

    /// Whether this answer changes what is thought of the endpoint.
    fn turns(&mut self, good: bool) -> bool {
        let needed = match self.up {
            None => 1,
            Some(up) if up == good => {
                self.against = 0;
                return false;
            }
            Some(true) => self.fall,
            Some(false) => self.rise,
        };
        self.against += 1;
        let turns = self.against >= needed;
        if turns {
            self.up = Some(good);
            self.against = 0;
        }
        turns
    }
}

async fn ask(endpoint: &Endpoint, settings: &Settings, probe: &Probe) -> Result<(), CheckError> {
    let stream = dial(endpoint, settings.proxy_protocol, None).await?;
    let Probe::Http { path, host, status } = probe else { return Ok(()) };
    let host = host.as_ref().or(settings.host.as_ref()).unwrap_or(&endpoint.authority);
    let answer = match settings.tls.as_ref().filter(|_| endpoint.https) {
        None if settings.protocol == Protocol::Http2 => get_by_http2(stream, "http", path, host).await?,
        None => get(stream, path, host).await?,
        Some(tls) => {
            let stream = tls.connect(&endpoint.host, stream).await.map_err(CheckError::Tls)?;
            match stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2) {
                true => get_by_http2(stream, "https", path, host).await?,
                false => get(stream, path, host).await?,
            }
        }
    };
    match status.contains(&answer.as_u16()) {
        true => Ok(()),
        false => Err(CheckError::Status(answer)),
    }
}

async fn get<S>(stream: S, path: &PathAndQuery, host: &HeaderValue) -> Result<StatusCode, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut request = question(Uri::from(path.clone()));
    request.headers_mut().insert(HOST, host.clone());
    request.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    answered(sender.send_request(request), connection).await
}

async fn get_by_http2<S>(
    stream: S,
    scheme: &str,
    path: &PathAndQuery,
    host: &HeaderValue,
) -> Result<StatusCode, CheckError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let target = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(path.clone());
    let target = target.build().map_err(|_| CheckError::Host(host.clone()))?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    Ok(answered(sender.send_request(question(target)), connection).await?)
}

fn question(target: Uri) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target;
    let name = HeaderValue::from_static(concat!("gatewright/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(USER_AGENT, name);
    request
}

async fn answered(
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
    connection: impl Future,
) -> Result<StatusCode, hyper::Error> {
    tokio::pin!(answer, connection);
    // The connection may end in the moment in which it delivers the answer.
    let response = tokio::select! {
        response = &mut answer => response,
        _ = &mut connection => answer.await,
    };
    Ok(response?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(streak: &mut Streak, answers: &str) -> String {
        answers.chars().map(|answer| if streak.turns(answer == '+') { '!' } else { '.' }).collect()
    }

    #[test]
    fn the_first_answer_decides_and_then_streaks_do() {
        let mut streak = Streak::new(2, 3);
        assert_eq!(turns(&mut streak, "+--+---"), "!.....!");
        assert_eq!(turns(&mut streak, "-+-++--+"), "....!...");
        assert_eq!(turns(&mut Streak::new(2, 3), "-++"), "!.!");
    }

    #[test]
    fn jitter_strays_by_a_tenth_at_most() {
        let second = Duration::from_secs(1);
        for _ in 0..1000 {
            let interval = jittered(second);
            assert!(interval >= second.mul_f64(0.9) && interval <= second.mul_f64(1.1), "{interval:?}");
        }
    }
}
