use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};

use crate::proxy::{Patience, Peer};

/// How long a connection of HTTP/1 idles before it gives up what it only needs for requests.
const AWAKE: Duration = Duration::from_secs(2);

/// What a [`Clock`] strikes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The client has taken too long.
    Overdue,
    /// The connection has idled for a while.
    Rest,
}

/// The one timer of a connection.
///
/// A connection is looked at when its time is up, and at least once in the shortest of the timeouts: what it is doing may
/// have changed meanwhile. So a timeout strikes late by at most the shortest one, and a connection costs one timer rather
/// than one for each request.
pub(super) struct Clock<'a> {
    peer: &'a Peer,
    timer: Pin<Box<Sleep>>,
    pace: Duration,
}

impl<'a> Clock<'a> {
    pub(super) fn new(peer: &'a Peer) -> Self {
        let pace = slow(&peer.patience).min(AWAKE);
        Self { peer, timer: Box::pin(sleep_until((Instant::now() + pace).into())), pace }
    }

    /// From here on there is no rest to wait for, only what takes too long.
    pub(super) fn slow_down(&mut self) {
        self.pace = slow(&self.peer.patience);
    }

    /// Comes back when the client has taken too long, and as often as it is asked from then on.
    pub(super) fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.poll(context, || false).map(|_| ())
    }

    /// Comes back with what is due. Where the connection may not rest now, it is asked again at the next look.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, may_rest: impl Fn() -> bool) -> Poll<Due> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = Instant::now();
            let deadline = self.peer.deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Poll::Ready(Due::Overdue);
            }
            let rest = self.peer.idle_since().filter(|_| may_rest()).map(|since| since + AWAKE);
            if rest.is_some_and(|rest| rest <= now) {
                return Poll::Ready(Due::Rest);
            }
            let again = [deadline, rest].into_iter().flatten().fold(now + self.pace, Instant::min);
            self.timer.as_mut().reset(again.into());
        }
    }
}

/// The shortest of the timeouts.
fn slow(patience: &Patience) -> Duration {
    patience.header.min(patience.idle).min(patience.send)
}
