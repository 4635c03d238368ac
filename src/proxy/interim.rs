//! What comes before the response: `100 Continue`, `103 Early Hints`, and others that nobody has thought of yet.
//!
//! hyper's server sends none except 100. So they go past it, into the client's stream.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use tokio::time::{Sleep, sleep};

use super::headers;
use crate::upstream::Interims;

/// Bytes of interim responses that may wait for a client.
const MOST_WAITING: usize = 64 << 10;

/// How long an endpoint may take to say whether it wants a body. Many never say: Go's client waits as long.
const UNDECIDED: Duration = Duration::from_secs(1);

/// Interim responses on their way to a client.
///
/// One worker reads and writes it. It is locked only because hyper wants what hears of those over HTTP/2 to be `Send`.
#[derive(Debug, Default)]
pub struct Interim {
    any: AtomicBool,
    waiting: Mutex<Vec<u8>>,
}

impl Interim {
    /// What waits to be written, as whole heads.
    #[must_use]
    pub fn take(&self) -> Option<Vec<u8>> {
        self.any.swap(false, Ordering::Relaxed).then(|| std::mem::take(&mut *self.waiting.lock()))
    }

    /// Whether something waits.
    #[must_use]
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    fn put(&self, status: StatusCode, headers: &HeaderMap) {
        let mut headers = headers.clone();
        headers::strip_hop_by_hop(&mut headers);
        let mut head = format!("HTTP/1.1 {status}\r\n").into_bytes();
        for (name, value) in &headers {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        let mut waiting = self.waiting.lock();
        if waiting.len() + head.len() <= MOST_WAITING {
            waiting.append(&mut head);
            self.any.store(true, Ordering::Relaxed);
        }
    }
}

/// Passes on what comes before a response: 100 to whoever holds the request's body back, the others to the client.
#[derive(Clone, Debug, Default)]
pub(super) struct Relay {
    /// `None` where the client does not know any.
    pub(super) client: Option<Arc<Interim>>,
    pub(super) hold: Option<Hold>,
}

impl Interims for Relay {
    fn came(&self, status: StatusCode, headers: &HeaderMap) {
        match (status, &self.hold, &self.client) {
            // The client is asked for the body as soon as the endpoint's connection asks for it.
            (StatusCode::CONTINUE, Some(hold), _) => hold.settle(State::Open),
            (StatusCode::CONTINUE, ..) | (.., None) => {}
            (status, _, Some(client)) => client.put(status, headers),
        }
    }
}

/// Whether a body that the client has not begun to send is wanted: `Expect: 100-continue`.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold(Arc<Mutex<(State, Option<Waker>)>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Undecided,
    Open,
    /// The response came first.
    Unwanted,
}

impl Hold {
    fn settle(&self, state: State) {
        let mut held = self.0.lock();
        if held.0 == State::Undecided {
            held.0 = state;
            if let Some(waker) = held.1.take() {
                waker.wake();
            }
        }
    }

    /// The response has ended: whoever still holds the body back may forget it.
    pub(super) fn give_up(&self) {
        self.settle(State::Unwanted);
    }
}

/// A body that is held back.
#[derive(Debug)]
pub(super) struct Held {
    hold: Hold,
    timer: Pin<Box<Sleep>>,
}

impl Held {
    pub(super) fn new(hold: Hold) -> Self {
        Self { hold, timer: Box::pin(sleep(UNDECIDED)) }
    }

    /// Whether the body may go.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut held = self.hold.0.lock();
        if held.0 == State::Undecided && self.timer.as_mut().poll(context).is_ready() {
            held.0 = State::Open;
        }
        match held.0 {
            State::Open => Poll::Ready(true),
            State::Unwanted => Poll::Ready(false),
            State::Undecided => {
                held.1 = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
