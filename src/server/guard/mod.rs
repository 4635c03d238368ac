//! What comes before hyper on a client's connection: it lets through requests that can be read in one way only.
//!
//! hyper reads generously: lines that end without CR, a length beside chunks, the same length twice, codings before
//! `chunked`. Whoever reads such a request in another way, in front of the gateway or behind it, finds another request
//! hidden in it. Here it is refused, as a stand-in that hyper can read and [`Proxy::handle`](crate::proxy::Proxy::handle)
//! answers in its turn, with the connection closed behind it.

mod admission;
mod chunks;
mod head;
mod text;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

pub use admission::{Admission, End};
pub use head::HeadLimits;

use crate::proxy::{Activity, Interim, Objection, Peer, Stall};
use chunks::Chunks;
use head::{Head, HeadScan};

/// Follows the requests of a connection byte by byte.
#[derive(Debug)]
pub(super) struct Guard {
    limits: HeadLimits,
    state: State,
    /// Whether the request being read asks for another protocol.
    upgrade: bool,
    /// Requests let through, the stand-in for a refused one included.
    heads: u32,
}

#[derive(Debug)]
enum State {
    Head(HeadScan),
    /// Bytes that are left of a body.
    Length(u64),
    Chunked(Chunks),
    /// Nobody knows yet what protocol the next bytes are.
    Undecided,
    /// Another protocol: nothing to look for.
    Through,
    /// Whatever follows is not read.
    Ended,
}

/// What of some bytes may go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// So many; the others are to be shown again, together with those that follow.
    Bytes(usize),
    /// So many, then these instead of all others.
    Refused(usize, Vec<u8>),
    /// So many, then the body breaks off.
    Broken(usize, &'static str),
}

impl Guard {
    pub(super) fn new(limits: HeadLimits) -> Self {
        Self { limits, state: State::Head(HeadScan::default()), upgrade: false, heads: 0 }
    }

    /// Looks at bytes as they come in.
    pub(super) fn admit(&mut self, bytes: &[u8], turns: &Turns) -> Admitted {
        let mut passed = 0;
        loop {
            let rest = bytes.get(passed..).unwrap_or_default();
            if rest.is_empty() {
                return Admitted::Bytes(passed);
            }
            match &mut self.state {
                State::Head(scan) => match scan.go_on(rest, &self.limits) {
                    Ok(Some(head)) => {
                        passed += head.size;
                        self.heads = self.heads.wrapping_add(1);
                        self.follow(head);
                    }
                    Ok(None) => return Admitted::Bytes(passed),
                    Err(refusal) => {
                        let stand_in = stand_in(scan.asked(rest));
                        return Admitted::Refused(passed, self.refuse(refusal, stand_in, turns));
                    }
                },
                State::Length(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= here as u64;
                    passed += here;
                    if *left == 0 {
                        self.next();
                    }
                }
                State::Chunked(chunks) => match chunks.go_on(rest) {
                    Ok(here) => {
                        passed += here;
                        if chunks.has_ended() {
                            self.next();
                        }
                    }
                    Err(reason) => {
                        self.state = State::Ended;
                        return Admitted::Broken(passed, reason);
                    }
                },
                State::Undecided => {
                    if !self.decide(turns) {
                        return Admitted::Bytes(passed);
                    }
                }
                State::Through => return Admitted::Bytes(bytes.len()),
                // Forgotten: what is held would be shown again.
                State::Ended => return Admitted::Broken(passed, "the connection is at its end"),
            }
        }
    }

    fn follow(&mut self, head: Head) {
        self.upgrade = head.upgrade;
        match head {
            Head { chunked: true, .. } => self.state = State::Chunked(Chunks::default()),
            Head { length: 1.., .. } => self.state = State::Length(head.length),
            _ => self.next(),
        }
    }

    fn next(&mut self) {
        self.state = if self.upgrade { State::Undecided } else { State::Head(HeadScan::default()) };
    }

    fn refuse(&mut self, refusal: Objection, stand_in: Vec<u8>, turns: &Turns) -> Vec<u8> {
        self.state = State::Ended;
        self.heads = self.heads.wrapping_add(1);
        // Nothing is read after the first.
        let _ = turns.refused.set((self.heads, refusal));
        stand_in
    }

    /// After a request for another protocol: whether it has become known just now what the next bytes are.
    pub(super) fn decide(&mut self, turns: &Turns) -> bool {
        self.state = match self.state {
            State::Undecided if turns.has_switched() => State::Through,
            State::Undecided if turns.answered(self.heads) => State::Head(HeadScan::default()),
            _ => return false,
        };
        true
    }

    pub(super) fn is_undecided(&self) -> bool {
        matches!(self.state, State::Undecided)
    }

    /// Gives up on a head that `held` is the beginning of; `None` where nothing has come in yet.
    pub(super) fn give_up(&mut self, held: &[u8], turns: &Turns) -> Option<Vec<u8>> {
        let State::Head(scan) = &self.state else { return None };
        if held.is_empty() {
            return None;
        }
        let stand_in = stand_in(scan.asked(held));
        Some(self.refuse(Objection::Late, stand_in, turns))
    }

    /// Whether all that was let through has been answered.
    pub(super) fn is_answered(&self, turns: &Turns) -> bool {
        turns.answered(self.heads)
    }

    /// Whether the client is in the middle of a body.
    pub(super) fn in_body(&self) -> bool {
        matches!(self.state, State::Length(_) | State::Chunked(_))
    }

    /// Whether the client may be sending what nobody will read.
    pub(super) fn leaves_unread(&self) -> bool {
        self.in_body() || matches!(self.state, State::Ended)
    }

    /// Whether nothing that follows is read.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    pub(super) fn is_through(&self) -> bool {
        matches!(self.state, State::Through)
    }
}

/// A request that hyper reads instead of the refused one: with the same method and target, where those are right.
fn stand_in(asked: Option<&[u8]>) -> Vec<u8> {
    let target = |asked: &&[u8]| asked.split(|byte| *byte == b' ').next_back().map(<[u8]>::to_vec);
    let readable = asked.filter(|asked| target(asked).is_some_and(|uri| http::Uri::try_from(uri).is_ok()));
    [readable.unwrap_or(b"GET *"), b" HTTP/1.1\r\nconnection: close\r\n\r\n"].concat()
}

/// Whose turn it is on a connection: what stream and service tell each other.
///
/// One worker reads and writes it. They are atomics for the same reason as that of [`Activity`].
#[derive(Debug)]
pub(super) struct Turns {
    pub(super) activity: Arc<Activity>,
    pub(super) interim: Arc<Interim>,
    pub(super) stall: Arc<Stall>,
    /// Requests whose exchange has begun.
    begun: AtomicU32,
    switched: AtomicBool,
    late: AtomicBool,
    closing: AtomicBool,
    /// What is wrong with which request.
    refused: OnceLock<(u32, Objection)>,
}

impl Turns {
    pub(super) fn new(peer: &Peer) -> Self {
        let (activity, interim, stall) = (peer.activity(), peer.interim(), peer.stall());
        let (begun, refused) = (AtomicU32::new(0), OnceLock::new());
        let [switched, late, closing] = std::array::from_fn(|_| AtomicBool::new(false));
        Self { activity, interim, stall, begun, switched, late, closing, refused }
    }

    /// A request's exchange begins: what is wrong with it.
    pub(super) fn begin(&self) -> Option<Objection> {
        let turn = self.begun.load(Ordering::Relaxed).wrapping_add(1);
        self.begun.store(turn, Ordering::Relaxed);
        self.refused.get().filter(|(refused, _)| *refused == turn).map(|(_, refusal)| *refusal)
    }

    /// What is wrong with the request that is refused.
    fn refused(&self) -> Option<Objection> {
        self.refused.get().map(|(_, objection)| *objection)
    }

    /// Requests whose exchange has begun.
    pub(super) fn begun(&self) -> u32 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The connection goes on in another protocol.
    pub(super) fn switch(&self) {
        self.switched.store(true, Ordering::Relaxed);
    }

    fn has_switched(&self) -> bool {
        self.switched.load(Ordering::Relaxed)
    }

    /// The head that is on its way has taken too long. False where that was said before.
    pub(super) fn expire(&self) -> bool {
        !self.late.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// The gateway ends its side.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Whether the connection, where it idles, waits for nothing but another request.
    pub(super) fn may_rest(&self) -> bool {
        !self.closing.load(Ordering::Relaxed) && !self.has_switched() && self.refused.get().is_none()
    }

    /// Whether so many requests have begun and none is open.
    fn answered(&self, heads: u32) -> bool {
        self.begun.load(Ordering::Relaxed) == heads && !self.activity.is_busy()
    }
}
