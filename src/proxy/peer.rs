use std::any::Any;
use std::cell::{Cell, OnceCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;
use tokio::sync::Notify;

use super::activity::{Activity, Phase};
use super::churn::Churn;
use super::interim::Interim;
use super::stall::Stall;
use super::trust::Trust;
use crate::exchange::{NOWHERE, Scheme};
use crate::tls;

/// How long a client may take for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte of a request (or from the accept) to the end of its head.
    pub header: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Between two pieces of a body.
    pub body: Duration,
    /// Between two pieces of a response that it takes.
    pub send: Duration,
    /// From the head of a request to the end of its response; `None` is for ever.
    pub request: Option<Duration>,
}

/// The client's end of a connection, and what the connection is doing.
#[derive(Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// What it connected to; unspecified where that is not known.
    pub local: SocketAddr,
    /// Its IP address as text, made once for all requests of the connection.
    pub ip: HeaderValue,
    /// How long it may take for what.
    pub patience: Patience,
    /// Bytes that the body of a request may have.
    pub max_body: u64,
    /// Whom it may name as the client; `None` where its word does not count.
    trust: Option<Trust>,
    activity: Arc<Activity>,
    /// Whether its listener has gone.
    parts: Cell<bool>,
    /// How fast it takes its requests back.
    churn: Churn,
    /// What TLS told of the connection, where it is spoken.
    tls: OnceCell<tls::Facts>,
    /// Told when that is too fast.
    restless: Notify,
    interim: Arc<Interim>,
    stall: Arc<Stall>,
    /// Dropped with the peer: whoever waits for the connection's end waits for that.
    _held: Rc<dyn Any>,
}

impl Peer {
    /// A connection that was just accepted. `held` is let go when it has ended, and its tunnels with it.
    #[must_use]
    pub fn new(address: SocketAddr, patience: Patience, max_body: u64, held: Rc<dyn Any>) -> Self {
        let ip = as_value(address.ip().to_canonical());
        let activity = Arc::new(Activity::accepted());
        let (churn, restless) = (Churn::default(), Notify::new());
        Self {
            address,
            local: NOWHERE,
            ip,
            patience,
            max_body,
            trust: None,
            activity,
            parts: Cell::new(false),
            churn,
            tls: OnceCell::new(),
            restless,
            interim: Arc::default(),
            stall: Arc::default(),
            _held: held,
        }
    }

    /// It connected to this address.
    #[must_use]
    pub fn at(self, local: SocketAddr) -> Self {
        Self { local, ..self }
    }

    /// Believes what it says of clients, where it is a trusted proxy.
    #[must_use]
    pub fn behind(self, trust: &Trust) -> Self {
        let trust = trust.has(self.address.ip()).then(|| trust.clone());
        Self { trust, ..self }
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.trust.is_some()
    }

    /// Who sent a request with these fields, as far as it is known.
    pub(super) fn client(&self, headers: &HeaderMap) -> SocketAddr {
        self.trust.as_ref().map_or(self.address, |trust| trust.client(self.address, headers))
    }

    /// For the stream, which knows when bytes come in.
    #[must_use]
    pub fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    /// The handshake is over, where there was one.
    pub fn secured(&self, facts: Option<tls::Facts>) {
        if let Some(facts) = facts {
            let _ = self.tls.set(facts);
        }
    }

    /// What TLS told of the connection, where it is spoken.
    #[must_use]
    pub fn tls(&self) -> Option<&tls::Facts> {
        self.tls.get()
    }

    /// How the client speaks HTTP.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        if self.tls.get().is_some() { Scheme::Https } else { Scheme::Http }
    }

    /// For the stream, which writes them, and for exchanges, which hear of them.
    #[must_use]
    pub fn interim(&self) -> Arc<Interim> {
        Arc::clone(&self.interim)
    }

    /// For the stream, which knows when the client takes what it gets.
    #[must_use]
    pub fn stall(&self) -> Arc<Stall> {
        Arc::clone(&self.stall)
    }

    /// An exchange begins. It ends when what is returned is dropped.
    #[must_use]
    pub fn begin(self: &Rc<Self>) -> Open {
        self.activity.begin();
        Open { peer: Rc::clone(self), settled: false }
    }

    /// Comes back when the client takes its requests back so fast that it must be at mischief.
    pub async fn restless(&self) {
        self.restless.notified().await;
    }

    /// Its listener has gone: the next answer is the last one.
    pub fn part(&self) {
        self.parts.set(true);
    }

    /// Whether its listener has gone.
    #[must_use]
    pub fn parts(&self) -> bool {
        self.parts.get()
    }

    /// Since when no exchange is open; `None` while one is.
    #[must_use]
    pub fn quiet_since(&self) -> Option<Instant> {
        match self.activity.phase() {
            Phase::Idle(since) | Phase::Head(since) => Some(since),
            Phase::Busy => None,
        }
    }

    /// Since when it has been between two requests, with all that was for the client taken.
    #[must_use]
    pub fn idle_since(&self) -> Option<Instant> {
        match self.activity.phase() {
            Phase::Idle(since) if self.stall.since().is_none() => Some(since),
            _ => None,
        }
    }

    /// When the connection must have moved on; `None` while an exchange is open, and the client takes what it gets.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let stalled = self.stall.since().map(|since| since + self.patience.send);
        let silent = match self.activity.phase() {
            Phase::Idle(since) => Some(since + self.patience.idle),
            Phase::Head(since) => Some(since + self.patience.header),
            Phase::Busy => None,
        };
        stalled.or(silent)
    }
}

/// An address as it stands in fields. By hand where that is easy: each connection needs it, and formatting takes 900
/// instructions.
fn as_value(ip: IpAddr) -> HeaderValue {
    let value = match ip {
        IpAddr::V4(ip) => HeaderValue::from_bytes(&dotted(ip)),
        IpAddr::V6(ip) => HeaderValue::try_from(ip.to_string()),
    };
    // An address is made of digits, dots and colons: always a valid value.
    value.unwrap_or(HeaderValue::from_static("unknown"))
}

fn dotted(ip: Ipv4Addr) -> SmallVec<[u8; 16]> {
    let mut text = SmallVec::new();
    for octet in ip.octets() {
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                text.push(b'0' + octet / unit % 10);
            }
        }
        text.push(b'.');
    }
    text.pop();
    text
}

/// An exchange that is open on a connection.
#[derive(Debug)]
pub struct Open {
    peer: Rc<Peer>,
    settled: bool,
}

impl Open {
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// It ended as it should, or for a reason that is not the client's.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.peer.activity.end();
        if !self.settled && self.peer.churn.is_too_much() {
            self.peer.restless.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_everywhere() {
        let octets = 0..=u8::MAX;
        let addresses = octets.flat_map(|n| [[n, 0, 1, n], [10, n, 99, 100], [255, 9, n, 109]]);
        for ip in addresses.map(IpAddr::from).chain(["2001:db8::1".parse().unwrap()]) {
            assert_eq!(as_value(ip), ip.to_string());
        }
    }
}
