//! A body on its way through a guest, piece by piece.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Method, StatusCode};
use http_body::{Body as _, Frame};
use tracing::error;

use super::body::{Body, BodyError};
use super::coding::{Codec, Coding, CodingError};
use super::error::ProxyError;
use super::intake::{DECODE_STEP, Refusal, headers_mut};
use crate::exchange::{Attributes, Exchange, Side};
use crate::plugin::{BodyUse, CallError, Content, Made, Streaming};

/// The most that a guest is handed at once. Bodies arrive in pieces of up to some hundred KiB.
const MAX_PIECE: usize = 64 * 1024;

/// Attributes that guests set while a body went through them: too late for other plugins, in time for the access log.
pub(super) type Late = Rc<RefCell<Attributes>>;

/// A guest between a body and where it goes. It takes the next piece when the last one has been taken from it, so it
/// holds one at a time.
pub(super) struct Stage {
    source: Body,
    decoder: Option<Codec>,
    encoder: Option<Codec>,
    /// Read, and not decoded yet,
    coded: Bytes,
    /// and decoded, but not handed to the guest yet.
    pending: Bytes,
    limit: usize,
    trailers: Option<HeaderMap>,
    state: State,
    late: Late,
}

enum State {
    /// The guest waits for a piece.
    Waiting(Box<Streaming>),
    /// The guest runs; `last` says that it has been handed the end.
    Running { call: Call, last: bool },
    /// The guest has seen enough.
    Passing,
    /// All is through but the trailers.
    Ended,
    /// It failed, and nothing more comes.
    Broken,
}

type Call = Pin<Box<dyn Future<Output = (Box<Streaming>, Result<Made, CallError>)>>>;

/// Puts a guest before what reads `body`, where the message can have a body at all.
pub(super) fn wrap(
    streaming: Box<Streaming>,
    used: BodyUse,
    limit: usize,
    side: Side,
    exchange: &mut Exchange,
    body: &mut Body,
    late: Late,
) -> Result<(), ProxyError> {
    if !can_have_body(side, exchange, body) {
        streaming.end();
        return Ok(());
    }
    let headers = headers_mut(exchange, side);
    let coding = match used.content {
        Content::Raw => None,
        Content::Decoded | Content::Recoded => {
            Coding::of(headers).map_err(|error| ProxyError::Body { side, refusal: Refusal::Coding(error) })?
        }
    };
    // How long it will be is known when it has ended.
    headers.remove(CONTENT_LENGTH);
    if used.content == Content::Decoded {
        headers.remove(CONTENT_ENCODING);
    }
    let stage = Stage {
        source: std::mem::take(body),
        decoder: coding.map(Codec::decoder),
        encoder: coding.filter(|_| used.content == Content::Recoded).map(Codec::encoder),
        coded: Bytes::new(),
        pending: Bytes::new(),
        limit,
        trailers: None,
        state: State::Waiting(streaming),
        late,
    };
    *body = Body::through(stage);
    Ok(())
}

fn can_have_body(side: Side, exchange: &Exchange, body: &Body) -> bool {
    match (side, &exchange.response) {
        (Side::Response, Some(response)) => {
            let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&response.status);
            exchange.request.method != Method::HEAD && !bodiless && !response.status.is_informational()
        }
        _ => !body.is_empty(),
    }
}

impl Stage {
    pub(super) fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(self.poll_next(context)).transpose();
        if matches!(frame, Some(Err(_))) {
            self.state = State::Broken;
        }
        Poll::Ready(frame)
    }

    pub(super) fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended) && self.trailers.is_none()
    }

    /// The body that goes in.
    pub(super) fn source(&self) -> &Body {
        &self.source
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, BodyError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Broken) {
                State::Waiting(streaming) => {
                    let piece = match self.poll_piece(context) {
                        Poll::Ready(piece) => piece?,
                        Poll::Pending => {
                            self.state = State::Waiting(streaming);
                            return Poll::Pending;
                        }
                    };
                    let last = piece.is_none();
                    self.state = State::Running { call: call(streaming, piece), last };
                }
                State::Running { mut call, last } => match call.as_mut().poll(context) {
                    Poll::Ready((streaming, made)) => {
                        let bytes = self.made(streaming, made, last)?;
                        if !bytes.is_empty() {
                            return Poll::Ready(Ok(Some(Frame::data(bytes))));
                        }
                    }
                    Poll::Pending => {
                        self.state = State::Running { call, last };
                        return Poll::Pending;
                    }
                },
                State::Passing => {
                    self.state = State::Passing;
                    let piece = ready!(self.poll_piece(context))?;
                    let last = piece.is_none();
                    let bytes = self.encoded(piece.unwrap_or_default(), last)?;
                    if last {
                        self.state = State::Ended;
                    }
                    if !bytes.is_empty() {
                        return Poll::Ready(Ok(Some(Frame::data(bytes))));
                    }
                }
                State::Ended => {
                    self.state = State::Ended;
                    return Poll::Ready(Ok(self.trailers.take().map(Frame::trailers)));
                }
                State::Broken => return Poll::Ready(Ok(None)),
            }
        }
    }

    /// The next piece, decoded; `None` at the end.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            if !self.pending.is_empty() {
                let piece = self.pending.split_to(MAX_PIECE.min(self.pending.len()));
                return Poll::Ready(Ok(Some(piece)));
            }
            if !self.coded.is_empty() {
                self.pending = self.decoded()?;
                continue;
            }
            match ready!(Pin::new(&mut self.source).poll_frame(context)).transpose()? {
                None => match self.decoder.take() {
                    Some(mut decoder) => self.pending = decoder.finish(self.limit)?,
                    None => return Poll::Ready(Ok(None)),
                },
                Some(frame) => match frame.into_data() {
                    Ok(data) => self.coded = data,
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    /// What comes out of a little of what was read: never more than the guest may have at hand.
    fn decoded(&mut self) -> Result<Bytes, CodingError> {
        match &mut self.decoder {
            Some(decoder) => {
                let piece = self.coded.split_to(DECODE_STEP.min(self.coded.len()));
                decoder.push(&piece, self.limit)
            }
            None => Ok(std::mem::take(&mut self.coded)),
        }
    }

    /// What goes on after a call.
    fn made(
        &mut self,
        streaming: Box<Streaming>,
        made: Result<Made, CallError>,
        last: bool,
    ) -> Result<Bytes, BodyError> {
        let made = made.inspect_err(|failed| {
            let exchange = streaming.exchange();
            let (request_id, route) = (exchange.id, &*exchange.route);
            if !failed.quiet {
                error!(%request_id, route, kind = failed.failure.kind(), "body broken off: {failed}");
            }
        })?;
        if last || made.done {
            self.note(&streaming.end());
            self.state = if last { State::Ended } else { State::Passing };
        } else {
            self.state = State::Waiting(streaming);
        }
        Ok(self.encoded(made.bytes, last)?)
    }

    fn encoded(&mut self, bytes: Bytes, last: bool) -> Result<Bytes, CodingError> {
        let Some(encoder) = &mut self.encoder else { return Ok(bytes) };
        let coded = encoder.push(&bytes, usize::MAX)?;
        if !last {
            return Ok(coded);
        }
        let end = encoder.finish(usize::MAX)?;
        Ok([coded, end].concat().into())
    }

    /// Keeps what the guest noted about the exchange for the access log.
    fn note(&self, noted: &Attributes) {
        let mut late = self.late.borrow_mut();
        for (name, value) in noted.iter() {
            // Bounded as those of the exchange are.
            let _ = late.set(name, value.clone());
        }
    }
}

fn call(mut streaming: Box<Streaming>, piece: Option<Bytes>) -> Call {
    Box::pin(async move {
        let last = piece.is_none();
        let made = streaming.piece(piece.unwrap_or_default(), last).await;
        (streaming, made)
    })
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("source", &self.source).finish_non_exhaustive()
    }
}
