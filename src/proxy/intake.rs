//! The body before a hook: as much of it at hand as the hook asked for, and afterwards what the hook made of it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as _, Frame};

use super::body::{Body, BodyError};
use super::coding::{self, Codec, Coding, CodingError};
use super::error::ProxyError;
use crate::exchange::{Access, Exchange, Side, Window};
use crate::plugin::{BodyMode, BodyUse, Content};

/// Why a hook cannot have the body it asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Larger than the plugin's limit.
    #[error("larger than the {0} bytes of the plugin's `limits.body`")]
    TooLarge(usize),
    /// Its coding.
    #[error(transparent)]
    Coding(#[from] CodingError),
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] BodyError),
}

/// Waits until what the hook asked for is at hand: a window on that.
pub(super) async fn open(
    used: BodyUse,
    limit: usize,
    side: Side,
    exchange: &Exchange,
    body: &mut Body,
) -> Result<Window, ProxyError> {
    let coding = match used.content {
        Content::Raw => Ok(None),
        Content::Decoded | Content::Recoded => Coding::of(headers(exchange, side)),
    };
    let opened = match (coding, used.mode) {
        (Err(error), _) => Err(error.into()),
        (Ok(coding), BodyMode::Peek(wanted)) => peek(body, side, wanted, coding).await,
        (Ok(coding), BodyMode::Buffer) => buffer(body, side, limit, coding).await,
        (Ok(_), BodyMode::None | BodyMode::Stream) => {
            Ok(Window::new(side, Bytes::new(), false, Access::Read))
        }
    };
    opened.map_err(|refusal| ProxyError::Body { side, refusal })
}

/// What the hook put in the body's place goes on instead.
pub(super) fn replace(
    content: Bytes,
    used: BodyUse,
    side: Side,
    exchange: &mut Exchange,
    body: &mut Body,
) -> Result<(), ProxyError> {
    let headers = headers_mut(exchange, side);
    let content = match used.content {
        Content::Raw => content,
        Content::Decoded => {
            headers.remove(CONTENT_ENCODING);
            content
        }
        Content::Recoded => recode(headers, content)
            .map_err(|error| ProxyError::Body { side, refusal: Refusal::Coding(error) })?,
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    *body = Body::full(content);
    Ok(())
}

fn recode(headers: &HeaderMap, content: Bytes) -> Result<Bytes, CodingError> {
    match Coding::of(headers)? {
        Some(coding) => coding::encode(coding, &content),
        None => Ok(content),
    }
}

/// The head that goes with this side's body. Without a response there is no body either.
fn headers(exchange: &Exchange, side: Side) -> &HeaderMap {
    match (side, &exchange.response) {
        (Side::Response, Some(response)) => &response.headers,
        _ => &exchange.request.headers,
    }
}

pub(super) fn headers_mut(exchange: &mut Exchange, side: Side) -> &mut HeaderMap {
    match (side, &mut exchange.response) {
        (Side::Response, Some(response)) => &mut response.headers,
        _ => &mut exchange.request.headers,
    }
}

/// The first `wanted` bytes at hand; the body goes on as it was.
async fn peek(body: &mut Body, side: Side, wanted: usize, coding: Option<Coding>) -> Result<Window, Refusal> {
    let mut glimpse =
        Glimpse { seen: BytesMut::new(), wanted, decoder: coding.map(Codec::decoder), cut: false };
    let (mut front, mut trailers) = (VecDeque::new(), None);
    let mut ended = body.is_end_stream();
    while !glimpse.is_enough() && !ended {
        match next(body).await? {
            Some(Ok(data)) => {
                glimpse.add(&data)?;
                front.push_back(data);
                ended = body.is_end_stream();
            }
            Some(Err(found)) => trailers = Some(found),
            None => ended = true,
        }
    }
    if ended {
        glimpse.end()?;
    }
    let rest = std::mem::take(body);
    *body = Body::chained(front, trailers, Some(rest));
    Ok(Window::new(side, glimpse.seen.freeze(), ended && !glimpse.cut, Access::Read))
}

/// The beginning of a body.
struct Glimpse {
    seen: BytesMut,
    wanted: usize,
    decoder: Option<Codec>,
    /// Whether there was more in what was read.
    cut: bool,
}

impl Glimpse {
    fn is_enough(&self) -> bool {
        self.cut || self.seen.len() >= self.wanted
    }

    /// What comes out beyond what is wanted is not looked at, so it is no bomb.
    fn add(&mut self, data: &[u8]) -> Result<(), CodingError> {
        for piece in data.chunks(DECODE_STEP) {
            let missing = self.wanted - self.seen.len();
            let bytes = match &mut self.decoder {
                _ if missing == 0 => {
                    self.cut = true;
                    break;
                }
                Some(decoder) => decoder.push_some(piece, missing + 1)?,
                None => Bytes::copy_from_slice(piece),
            };
            self.cut |= bytes.len() > missing;
            self.seen.extend_from_slice(bytes.get(..missing).unwrap_or(&bytes));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), CodingError> {
        if let Some(decoder) = self.decoder.as_mut().filter(|_| !self.cut) {
            let missing = self.wanted - self.seen.len();
            let rest = decoder.finish(usize::MAX)?;
            self.cut |= rest.len() > missing;
            self.seen.extend_from_slice(rest.get(..missing).unwrap_or(&rest));
        }
        Ok(())
    }
}

/// Bytes that are decoded at a time: what comes out of them is bounded by what a coding can make of so few.
pub(super) const DECODE_STEP: usize = 1024;

/// The whole body at hand. It goes on as it came unless the hook replaces it.
async fn buffer(
    body: &mut Body,
    side: Side,
    limit: usize,
    coding: Option<Coding>,
) -> Result<Window, Refusal> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Refusal::TooLarge(limit));
    }
    let (mut pieces, mut len, mut trailers) = (VecDeque::new(), 0, None);
    while let Some(frame) = next(body).await? {
        match frame {
            Ok(data) => {
                len += data.len();
                if len > limit {
                    return Err(Refusal::TooLarge(limit));
                }
                pieces.push_back(data);
            }
            Err(found) => trailers = Some(found),
        }
    }
    let content = joined(pieces, len);
    let seen = match coding {
        Some(coding) => coding::decode(coding, &content, limit)?,
        None => content.clone(),
    };
    // The old one goes here: an upstream's connection is free again.
    *body = Body::chained([content].into_iter().collect(), trailers, None);
    Ok(Window::new(side, seen, true, Access::Replace(limit)))
}

fn joined(mut pieces: VecDeque<Bytes>, len: usize) -> Bytes {
    match pieces.pop_front() {
        Some(only) if pieces.is_empty() => only,
        first => {
            let mut all = BytesMut::with_capacity(len);
            first.into_iter().chain(pieces).for_each(|piece| all.extend_from_slice(&piece));
            all.freeze()
        }
    }
}

/// The next frame: data, or trailers in the place of the error.
async fn next(body: &mut Body) -> Result<Option<Result<Bytes, HeaderMap>>, BodyError> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await.transpose()?;
        let Some(frame) = frame else { return Ok(None) };
        match frame.into_data().map_err(Frame::into_trailers) {
            Ok(data) => return Ok(Some(Ok(data))),
            Err(Ok(trailers)) => return Ok(Some(Err(trailers))),
            Err(Err(_)) => {}
        }
    }
}
