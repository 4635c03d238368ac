use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connection::Connection;
use super::endpoint::Endpoint;
use super::error::ConnectError;
use super::upstream::Upstream;
use crate::tls;

/// One worker's connections to the endpoints of one upstream. The most recently used is taken first, so that a pool
/// larger than the load shrinks by itself.
pub struct Connections<B> {
    upstream: Arc<Upstream>,
    idle: Box<[RefCell<Vec<Idle<B>>>]>,
}

struct Idle<B> {
    sender: SendRequest<B>,
    since: Instant,
}

impl<B> Connections<B>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// An empty pool.
    #[must_use]
    pub fn new(upstream: Arc<Upstream>) -> Self {
        let idle = upstream.endpoints().iter().map(|_| RefCell::default()).collect();
        Self { upstream, idle }
    }

    /// The upstream.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// A kept connection to this endpoint, if there is one that still works.
    #[must_use]
    pub fn reuse(self: &Rc<Self>, endpoint: usize) -> Option<Connection<B>> {
        let mut idle = self.idle.get(endpoint)?.borrow_mut();
        while let Some(Idle { sender, since }) = idle.pop() {
            if sender.is_ready() && since.elapsed() < self.upstream.settings().idle_timeout {
                return Some(Connection { sender, home: Rc::clone(self), endpoint });
            }
        }
        None
    }

    /// A new connection to this endpoint.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(
        self: &Rc<Self>,
        index: usize,
        endpoint: &Endpoint,
    ) -> Result<Connection<B>, ConnectError> {
        let limit = self.upstream.settings().connect_timeout;
        let sender = timeout(limit, dial(endpoint, self.upstream.settings().tls.as_deref()))
            .await
            .map_err(|_| ConnectError::Timeout(limit))??;
        Ok(Connection { sender, home: Rc::clone(self), endpoint: index })
    }

    /// Closes what has been idle for too long or was closed by the other side.
    pub fn sweep(&self) {
        let limit = self.upstream.settings().idle_timeout;
        for idle in &self.idle {
            idle.borrow_mut().retain(|kept| !kept.sender.is_closed() && kept.since.elapsed() < limit);
        }
    }

    /// How many connections are kept idle.
    #[must_use]
    pub fn idle(&self) -> usize {
        self.idle.iter().map(|idle| idle.borrow().len()).sum()
    }

    pub(super) fn keep(&self, endpoint: usize, sender: SendRequest<B>) {
        let Some(idle) = self.idle.get(endpoint) else { return };
        let mut idle = idle.borrow_mut();
        if idle.len() < self.upstream.settings().max_idle {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }
}

/// A socket, in clear or through TLS.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

async fn dial<B>(endpoint: &Endpoint, tls: Option<&tls::Client>) -> Result<SendRequest<B>, ConnectError>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect((&*endpoint.host, endpoint.port)).await?;
    stream.set_nodelay(true)?;
    match tls.filter(|_| endpoint.https) {
        None => handshake(stream).await,
        Some(tls) => handshake(tls.connect(&endpoint.host, stream).await.map_err(ConnectError::Tls)?).await,
    }
}

async fn handshake<B>(stream: impl Stream) -> Result<SendRequest<B>, ConnectError>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(ConnectError::Handshake)?;
    // Whoever waits for a response hears of errors from the sender; here there is nobody to tell.
    tokio::task::spawn_local(async move { drop(connection.with_upgrades().await) });
    Ok(sender)
}

impl<B> std::fmt::Debug for Connections<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("upstream", &self.upstream.name()).finish_non_exhaustive()
    }
}
