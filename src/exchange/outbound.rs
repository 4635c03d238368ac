//! Requests that guests send on behalf of an exchange: what is asked for, and what came of it.

use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use send_wrapper::SendWrapper;

use super::{RequestHead, RequestId, ResponseHead};

/// Whoever sends the requests of guests. It belongs to one worker, and so do its futures.
pub trait Outbound {
    /// Begins to send when the future is polled, and gives the request up when it is dropped.
    fn send(self: Rc<Self>, call: OutboundCall) -> Sending;
}

/// A request on its way.
pub type Sending = Pin<Box<dyn Future<Output = Result<OutboundResponse, OutboundError>>>>;

/// A request of a guest.
#[derive(Debug)]
pub struct OutboundCall {
    /// The name of the upstream.
    pub upstream: Arc<str>,
    /// The head; whatever the gateway itself says in it is there already.
    pub head: RequestHead,
    /// The body.
    pub body: Bytes,
    /// How long all of it may take, the response's body included. `None` leaves it to the upstream.
    pub timeout: Option<Duration>,
    /// Bytes that the response's body may have.
    pub max_body: usize,
    /// The exchange on whose behalf it is sent.
    pub id: RequestId,
    /// Its client,
    pub client: SocketAddr,
    /// and what that connected to.
    pub local: SocketAddr,
}

/// What came back.
#[derive(Debug)]
pub struct OutboundResponse {
    /// The head, without what belongs to the connection.
    pub head: ResponseHead,
    /// The whole body.
    pub body: Bytes,
}

/// Why nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// It took too long.
    #[error("took too long")]
    Timeout,
    /// No connection, or it broke.
    #[error("cannot be reached")]
    Unreachable,
    /// The response's body is larger than it may be.
    #[error("the response is too large")]
    TooLarge,
    /// The gateway has called itself too often.
    #[error("the gateway called itself too often")]
    Loop,
}

/// An exchange's hold on whoever sends its guests' requests.
///
/// Exchanges cross no threads, but the type that guests are kept in must be able to.
#[derive(Clone)]
pub struct Outlet(SendWrapper<Rc<dyn Outbound>>);

impl Outlet {
    /// An outlet for exchanges that stay on this thread.
    #[must_use]
    pub fn new(outbound: Rc<dyn Outbound>) -> Self {
        Self(SendWrapper::new(outbound))
    }

    /// See [`Outbound::send`].
    #[must_use]
    pub fn send(&self, call: OutboundCall) -> Sending {
        Rc::clone(&self.0).send(call)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}
