use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::sync::mpsc;

/// How long a client may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte of a request (or from the accept) to the end of its head.
    pub header: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
}

/// The client's end of a connection, and what the connection is doing.
#[derive(Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Its IP address as text, made once for all requests of the connection.
    pub ip: HeaderValue,
    /// How long it may take for what.
    pub patience: Patience,
    phase: Cell<Phase>,
    /// Dropped with the peer: whoever drains the gateway waits for that.
    _open: mpsc::Sender<()>,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Between two requests.
    Idle(Instant),
    /// The head of a request is on its way.
    Head(Instant),
    /// An exchange is open.
    Busy,
}

impl Peer {
    /// A connection that was just accepted.
    #[must_use]
    pub fn new(address: SocketAddr, patience: Patience, open: mpsc::Sender<()>) -> Self {
        // An address is made of digits, dots and colons: always a valid value.
        let ip = HeaderValue::try_from(address.ip().to_canonical().to_string())
            .unwrap_or(HeaderValue::from_static("unknown"));
        Self { address, ip, patience, phase: Cell::new(Phase::Head(Instant::now())), _open: open }
    }

    /// Bytes came in.
    pub fn received(&self) {
        if let Phase::Idle(_) = self.phase.get() {
            self.phase.set(Phase::Head(Instant::now()));
        }
    }

    /// An exchange begins.
    pub fn begin(&self) {
        self.phase.set(Phase::Busy);
    }

    /// The exchange has ended.
    pub fn end(&self) {
        self.phase.set(Phase::Idle(Instant::now()));
    }

    /// When the connection must have moved on; `None` while an exchange is open.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase.get() {
            Phase::Idle(since) => Some(since + self.patience.idle),
            Phase::Head(since) => Some(since + self.patience.header),
            Phase::Busy => None,
        }
    }
}
