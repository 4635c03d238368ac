//! Bodies on their way through: nothing is kept but what is being moved.

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::coding::CodingError;
use super::error::ProxyError;
use super::interim::{Held, Hold};
use super::peer::{Open, Peer};
use super::pieces::Pieces;
use super::record::Record;
use super::stage::Stage;
use super::stall::Stall;
use super::view::View;
use crate::files::FileBody;
use crate::plugin::CallError;
use crate::upstream::{Connection, Lease, WireError};

/// The body of a request to an upstream or of a response to a client.
#[derive(Debug)]
pub struct Body {
    content: Content,
    tail: Option<Box<Tail>>,
}

#[derive(Debug)]
enum Content {
    Empty,
    Full(Bytes),
    /// In a box: most requests have none, and a body is moved about.
    Client(Box<ClientBody>),
    Upstream {
        connection: Connection<Body>,
        pause: Pause,
    },
    /// Read as it is sent.
    File(FileBody),
    /// Read ahead.
    Chained(Box<Chained>),
    /// On its way through a guest.
    Stage(Box<Stage>),
}

/// What a client sends.
#[derive(Debug)]
struct ClientBody {
    incoming: Incoming,
    pause: Pause,
    progress: Progress,
    held: Option<Held>,
    /// Bytes that it may still have.
    left: u64,
}

/// A body of which some was read: that goes first.
#[derive(Debug)]
struct Chained {
    front: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    rest: Option<Body>,
}

/// What ends together with a response's body.
#[derive(Debug, Default)]
pub(super) struct Tail {
    pub(super) lease: Option<Lease>,
    pub(super) record: Option<Record>,
    /// When it must have ended.
    pub(super) deadline: Option<Pin<Box<Sleep>>>,
    /// The request's body, where nobody has asked for it.
    pub(super) hold: Option<Hold>,
    /// How it goes into a stream of HTTP/2, where it does.
    pieces: Option<Pieces>,
    /// The exchange is no longer open on the client's connection.
    pub(super) open: Option<Open>,
    /// The exchange's snapshot lives to its end.
    pub(super) view: Option<Rc<View>>,
}

/// Why a body broke off.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client's connection broke, or its body was malformed or too short.
    #[error(transparent)]
    Client(hyper::Error),
    /// The same of an endpoint.
    #[error(transparent)]
    Endpoint(WireError),
    /// The client paused for too long.
    #[error("the client sent nothing for {0:?}")]
    Paused(Duration),
    /// A guest that it went through failed.
    #[error(transparent)]
    Plugin(#[from] CallError),
    /// Its content coding.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// The endpoint paused for too long.
    #[error("the endpoint sent nothing for {0:?}")]
    EndpointPaused(Duration),
    /// A file could not be read to its end, or has become shorter.
    #[error("cannot read the file: {0}")]
    File(#[from] std::io::Error),
    /// The client's body is larger than the listener takes.
    #[error("larger than `max_body`")]
    TooLarge,
    /// The listener's `request_timeout` has run out.
    #[error("the exchange took longer than `request_timeout`")]
    Overdue,
    /// The response has ended, and nobody has asked for the body.
    #[error("nobody wants it")]
    Unwanted,
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self { content: Content::Empty, tail: None }
    }

    /// All of it at once.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        let content = if bytes.is_empty() { Content::Empty } else { Content::Full(bytes) };
        Self { content, tail: None }
    }

    /// A client's body, which may pause and grow as its listener allows.
    ///
    /// # Errors
    /// [`ProxyError::LargeBody`], where that is known at once.
    pub fn from_client(incoming: Incoming, peer: &Peer) -> Result<Self, ProxyError> {
        let (limit, left) = (peer.patience.body, peer.max_body);
        if incoming.size_hint().lower() > left {
            return Err(ProxyError::LargeBody);
        }
        let content = match incoming.is_end_stream() {
            true => Content::Empty,
            false => {
                let (pause, progress) = (Pause { limit, timer: None }, Progress::default());
                Content::Client(Box::new(ClientBody { incoming, pause, progress, held: None, left }))
            }
        };
        Ok(Self { content, tail: None })
    }

    /// Follows a client's body on its way; `None` for one that is there already.
    pub(super) fn progress(&self) -> Option<Progress> {
        match &self.content {
            Content::Client(client) => Some(client.progress.clone()),
            Content::Chained(chained) => chained.rest.as_ref()?.progress(),
            Content::Stage(stage) => stage.source().progress(),
            _ => None,
        }
    }

    /// What was read of `rest`, and then the rest of it.
    pub(super) fn chained(front: VecDeque<Bytes>, trailers: Option<HeaderMap>, rest: Option<Self>) -> Self {
        Self { content: Content::Chained(Box::new(Chained { front, trailers, rest })), tail: None }
    }

    pub(super) fn through(stage: Stage) -> Self {
        Self { content: Content::Stage(Box::new(stage)), tail: None }
    }

    /// An endpoint's body, which may pause for `limit` at most.
    pub(super) fn from_upstream(connection: Connection<Self>, limit: Duration) -> Self {
        let pause = Pause { limit, timer: None };
        let mut content = Content::Upstream { connection, pause };
        content.release();
        Self { content, tail: None }
    }

    /// A file.
    pub(super) fn from_file(file: FileBody) -> Self {
        let content = if file.is_end_stream() { Content::Empty } else { Content::File(file) };
        Self { content, tail: None }
    }

    /// Holds a client's body back until the endpoint asks for it; `None` where there is none to hold back.
    pub(super) fn hold(&mut self) -> Option<Hold> {
        let Content::Client(client) = &mut self.content else { return None };
        let hold = Hold::default();
        client.held = Some(Held::new(hold.clone()));
        Some(hold)
    }

    /// Whether it is a client's, who has not sent all of it.
    pub(super) fn is_to_come(&self) -> bool {
        matches!(self.content, Content::Client(_))
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.content, Content::Empty)
    }

    /// The same once more, where it is all there.
    pub(super) fn again(&self) -> Option<Self> {
        match &self.content {
            Content::Empty => Some(Self::empty()),
            Content::Full(bytes) => Some(Self::full(bytes.clone())),
            Content::Chained(chained) if chained.rest.is_none() => {
                Some(Self::chained(chained.front.clone(), chained.trailers.clone(), None))
            }
            _ => None,
        }
    }

    /// Sends nothing of it. What was made here is dropped; an upstream that sends what nobody asked for is cut off.
    pub(super) fn leave_out(&mut self) {
        if matches!(self.content, Content::Full(_)) {
            self.content = Content::Empty;
        }
    }

    /// It goes into a stream of HTTP/2, which is stalled while the client does not take a piece of it.
    pub fn in_stream(&mut self, stall: Arc<Stall>) {
        self.tail().pieces = Some(Pieces::new(stall));
    }

    /// Hangs on what ends together with this body.
    pub(super) fn tail(&mut self) -> &mut Tail {
        self.tail.get_or_insert_default()
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self { content, tail } = self.get_mut();
        if let Some(piece) = pieces(tail).and_then(Pieces::next) {
            count(&piece, tail);
            return Poll::Ready(Some(Ok(piece)));
        }
        let Poll::Ready(mut frame) = content.poll_frame(context) else {
            let deadline = tail.as_mut().and_then(|tail| tail.deadline.as_mut());
            let Some(deadline) = deadline else { return Poll::Pending };
            return deadline.as_mut().poll(context).map(|()| Some(Err(BodyError::Overdue)));
        };
        if let Some(pieces) = pieces(tail) {
            frame = frame.map(|frame| frame.map(|frame| pieces.cut(frame)));
        }
        match &frame {
            // Trailers are the end, and not everybody asks for more after them.
            Some(Ok(frame)) if frame.is_trailers() => *content = Content::Empty,
            Some(Ok(frame)) => count(frame, tail),
            // What was read to its end needs no look at how it stands.
            None => *content = Content::Empty,
            Some(Err(_)) => settle(tail),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        if self
            .tail
            .as_ref()
            .is_some_and(|tail| tail.pieces.as_ref().is_some_and(|pieces| !pieces.is_empty()))
        {
            return false;
        }
        match &self.content {
            Content::Empty => true,
            Content::Full(_) => false,
            Content::Client(client) => client.incoming.is_end_stream(),
            Content::Upstream { connection, .. } => connection.is_end_stream(),
            Content::File(file) => file.is_end_stream(),
            Content::Chained(chained) => chained.is_end_stream(),
            Content::Stage(stage) => stage.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Client(client) => client.incoming.size_hint(),
            Content::Upstream { connection, .. } => connection.size_hint(),
            Content::File(file) => file.size_hint(),
            Content::Chained(chained) => chained.size_hint(),
            Content::Stage(_) => SizeHint::default(),
        }
    }
}

impl Chained {
    fn is_end_stream(&self) -> bool {
        let rest_ended = self.rest.as_ref().is_none_or(http_body::Body::is_end_stream);
        self.front.iter().all(Bytes::is_empty) && self.trailers.is_none() && rest_ended
    }

    /// Trailers need a message whose length is not said, so with them there is no exact size.
    fn size_hint(&self) -> SizeHint {
        let ahead = self.front.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
        let rest = self.rest.as_ref().map_or(SizeHint::with_exact(0), http_body::Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(ahead.saturating_add(rest.lower()));
        if let (None, Some(upper)) = (&self.trailers, rest.upper()) {
            hint.set_upper(ahead.saturating_add(upper));
        }
        hint
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while let Some(bytes) = self.front.pop_front() {
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
        }
        match &mut self.rest {
            Some(rest) if !rest.is_end_stream() => Pin::new(rest).poll_frame(context),
            _ => Poll::Ready(self.trailers.take().map(|found| Ok(Frame::trailers(found)))),
        }
    }
}

impl ClientBody {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(hold) = &mut self.held {
            if !ready!(hold.poll(context)) {
                return Poll::Ready(Some(Err(BodyError::Unwanted)));
            }
            self.held = None;
        }
        let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) else {
            return self.pause.poll(context).map(|()| Some(Err(BodyError::Paused(self.pause.limit))));
        };
        self.pause.over();
        self.progress.step(frame.as_ref());
        if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            match self.left.checked_sub(data.len() as u64) {
                Some(fewer) => self.left = fewer,
                None => return Poll::Ready(Some(Err(BodyError::TooLarge))),
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Client)))
    }
}

fn pieces(tail: &mut Option<Box<Tail>>) -> Option<&mut Pieces> {
    tail.as_mut()?.pieces.as_mut()
}

fn count(frame: &Frame<Bytes>, tail: &mut Option<Box<Tail>>) {
    if let (Some(data), Some(record)) =
        (frame.data_ref(), tail.as_mut().and_then(|tail| tail.record.as_mut()))
    {
        record.sent += data.len() as u64;
    }
}

/// That the body broke off is not the client's doing.
fn settle(tail: &mut Option<Box<Tail>>) {
    if let Some(open) = tail.as_mut().and_then(|tail| tail.open.as_mut()) {
        open.settle();
    }
}

impl Content {
    /// An endpoint's connection that has brought all of the body may serve others.
    fn release(&mut self) {
        if let Self::Upstream { connection, .. } = self
            && connection.is_end_stream()
            && let Self::Upstream { connection, .. } = std::mem::replace(self, Self::Empty)
        {
            connection.release();
        }
    }

    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Chained(chained) => chained.poll_frame(context),
            Self::Stage(stage) => stage.poll_frame(context),
            Self::File(file) => Pin::new(file)
                .poll_frame(context)
                .map(|frame| frame.map(|read| read.map_err(BodyError::File))),
            Self::Upstream { connection, pause } => match connection.poll_frame(context) {
                Poll::Ready(frame) => {
                    pause.over();
                    self.release();
                    Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Endpoint)))
                }
                Poll::Pending => {
                    pause.poll(context).map(|()| Some(Err(BodyError::EndpointPaused(pause.limit))))
                }
            },
            Self::Client(client) => client.poll_frame(context),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let complete = http_body::Body::is_end_stream(self);
        if let Some(tail) = self.tail.take() {
            tail.end(complete);
        }
    }
}

impl Tail {
    fn end(self, complete: bool) {
        if let Some(hold) = self.hold {
            hold.give_up();
        }
        if let Some(record) = self.record {
            record.end(complete);
        }
        if let Some(mut open) = self.open.filter(|_| complete) {
            open.settle();
        }
    }
}

/// When a client's body last moved on, and how far it has come. While it does, nobody waits for the endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Rc<Moved>);

#[derive(Debug, Default)]
struct Moved {
    last: Cell<Option<Instant>>,
    bytes: Cell<u64>,
}

impl Progress {
    fn step<E>(&self, frame: Option<&Result<Frame<Bytes>, E>>) {
        self.0.last.set(Some(Instant::now()));
        if let Some(data) = frame.and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            self.0.bytes.set(self.0.bytes.get() + data.len() as u64);
        }
    }

    pub(super) fn last(&self) -> Option<Instant> {
        self.0.last.get()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.bytes.get()
    }
}

/// Watches how long a client keeps silent. The timer is made at the first silence, so a body that is already there costs
/// none.
#[derive(Debug)]
struct Pause {
    limit: Duration,
    timer: Option<(Pin<Box<Sleep>>, bool)>,
}

impl Pause {
    fn over(&mut self) {
        if let Some((_, running)) = &mut self.timer {
            *running = false;
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = self.limit;
        let (timer, running) = self.timer.get_or_insert_with(|| (Box::pin(sleep(limit)), true));
        if !*running {
            *running = true;
            timer.as_mut().reset(Instant::now() + limit);
        }
        timer.as_mut().poll(context)
    }
}
