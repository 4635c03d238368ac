use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use super::{Admitted, Guard, HeadLimits, Turns};
use crate::proxy::{Objection, Patience, Peer};

/// What the guard makes of a client's bytes before anything is answered: for whoever wants to try the guard without a
/// connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What is let through, without the stand-in for a refused request.
    pub passed: Vec<u8>,
    /// Why nothing follows, where nothing does.
    pub end: Option<End>,
}

/// Why nothing follows on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The next request is refused.
    Refused(Objection),
    /// The body of the last one breaks off.
    Broken(&'static str),
}

impl Admission {
    /// Shows the guard these pieces, one after the other as they come in.
    #[must_use]
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: HeadLimits) -> Self {
        let turns = Turns::new(&nobody());
        let (mut guard, mut held, mut passed) = (Guard::new(limits), Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece);
            let (count, end) = match guard.admit(&held, &turns) {
                Admitted::Bytes(count) => (count, None),
                Admitted::Refused(count, _) => (count, turns.refused().map(End::Refused)),
                Admitted::Broken(count, reason) => (count, Some(End::Broken(reason))),
            };
            passed.extend(held.drain(..count.min(held.len())));
            if end.is_some() {
                return Self { passed, end };
            }
        }
        Self { passed, end: None }
    }
}

/// A client that has all the time in the world.
fn nobody() -> Peer {
    let patience = Patience {
        header: Duration::MAX,
        idle: Duration::MAX,
        body: Duration::MAX,
        send: Duration::MAX,
        request: None,
    };
    Peer::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), patience, u64::MAX, Rc::new(()))
}
