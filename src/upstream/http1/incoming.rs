//! The body of a response, as it comes in.

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use http_body::{Frame, SizeHint};

use super::chunked::Chunked;
use super::head::{Bounds, Head};
use crate::upstream::error::WireError;

/// What is left of a body.
#[derive(Debug)]
pub(super) enum Incoming {
    /// Nothing.
    Ended,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(Chunked),
    /// All that comes until the connection ends.
    Open,
    /// It broke off; why, until somebody has heard of it.
    Broken(Option<WireError>),
}

impl Incoming {
    /// The body that follows this head (RFC 9112, 6.3).
    pub(super) fn of(head: &Head, method: &Method) -> Self {
        let status = head.response.status();
        let never = status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED
            || *method == Method::HEAD;
        if never {
            return Self::Ended;
        }
        match head.length {
            _ if head.chunked => Self::Chunked(Chunked::default()),
            Some(length) => Self::of_length(length),
            None => Self::Open,
        }
    }

    fn of_length(length: u64) -> Self {
        if length == 0 { Self::Ended } else { Self::Length(length) }
    }

    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// Whether the message says where it ends.
    pub(super) fn is_delimited(&self) -> bool {
        !matches!(self, Self::Open)
    }

    /// Takes what `inbox` has of it; `None` where more has to come in, or nothing will.
    pub(super) fn take(
        &mut self,
        inbox: &mut BytesMut,
        bounds: Bounds,
    ) -> Result<Option<Frame<Bytes>>, WireError> {
        match self {
            Self::Ended | Self::Broken(_) => Ok(None),
            Self::Length(_) | Self::Open if inbox.is_empty() => Ok(None),
            Self::Open => Ok(Some(Frame::data(inbox.split().freeze()))),
            Self::Length(left) => {
                let count = usize::try_from(*left).map_or(inbox.len(), |left| left.min(inbox.len()));
                *self = Self::of_length(*left - count as u64);
                Ok(Some(Frame::data(inbox.split_to(count).freeze())))
            }
            Self::Chunked(chunked) => {
                let frame = chunked.take(inbox, bounds)?;
                if chunked.is_ended() {
                    *self = Self::Ended;
                }
                Ok(frame)
            }
        }
    }

    /// The connection has ended: whether the body has with it.
    pub(super) fn end_with_stream(&mut self) -> bool {
        let ends = matches!(self, Self::Open);
        if ends {
            *self = Self::Ended;
        }
        ends
    }

    /// How many bytes are expected, as far as that is known. One more than those, so that a read that ends the body is a
    /// short one: after that the runtime knows that nothing more is there.
    pub(super) fn wanted(&self) -> usize {
        match self {
            Self::Length(left) => usize::try_from(*left).map_or(usize::MAX, |left| left.saturating_add(1)),
            Self::Chunked(chunked) => chunked.wanted(),
            Self::Open => usize::MAX,
            Self::Ended | Self::Broken(_) => 0,
        }
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ended => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(*left),
            Self::Chunked(_) | Self::Open | Self::Broken(_) => SizeHint::default(),
        }
    }
}
