//! A request on its way out.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::{Body, Frame};
use tokio::io::AsyncWrite;

use crate::upstream::outgoing::Outgoing;
use crate::upstream::stream::Stream;

/// A piece of a body that is no larger is copied behind what is to be written before it; a larger one goes out from where
/// it is.
const COPIED: usize = 4 << 10;

/// Bytes that are gathered before they are written.
const GATHERED: usize = 16 << 10;

/// A request, as far as it has not been written.
pub(super) struct Upload<B> {
    body: B,
    framing: Framing,
    /// Whether the body was asked for a piece.
    asked: bool,
    /// To be written, in this order.
    gathered: Vec<u8>,
    written: usize,
    large: Bytes,
    tail: &'static [u8],
    flushed: bool,
    /// Whether the endpoint may have got a byte of it.
    begun: bool,
    broken: Option<io::Error>,
}

/// How an endpoint learns where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// So many bytes are left.
    Length(u64),
    Chunked,
}

/// Why a request does not get there.
pub(super) enum UploadError {
    /// The endpoint takes no more.
    Stream(io::Error),
    /// The request's body broke off.
    Body(Box<dyn std::error::Error + Send + Sync>),
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// `buffer` lends its memory.
    pub(super) fn new(head: &Outgoing<'_>, body: B, mut buffer: Vec<u8>) -> Self {
        let framing = body.size_hint().exact().map_or(Framing::Chunked, Framing::Length);
        buffer.clear();
        write_head(&mut buffer, head, framing);
        Self {
            framing,
            body,
            asked: false,
            gathered: buffer,
            written: 0,
            large: Bytes::new(),
            tail: &[],
            flushed: false,
            begun: false,
            broken: None,
        }
    }

    /// Whether the endpoint may have got a byte of it.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn is_complete(&self) -> bool {
        self.is_at_end() && self.is_written() && self.flushed
    }

    /// Why the endpoint took no more.
    pub(super) fn broke(&mut self) -> Option<io::Error> {
        self.broken.take()
    }

    /// The body, where the endpoint can have got nothing of the request.
    pub(super) fn into_unsent(self) -> Option<B> {
        (!self.begun && !self.asked).then_some(self.body)
    }

    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.gathered
    }

    /// Writes on, as far as the endpoint takes it. Once it takes no more, that is all.
    pub(super) fn poll(
        &mut self,
        stream: &mut Stream,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), UploadError>> {
        if self.broken.is_some() {
            return Poll::Pending;
        }
        loop {
            self.gather(context).map_err(UploadError::Body)?;
            if self.is_written() {
                if !self.flushed {
                    ready!(Pin::new(&mut *stream).poll_flush(context)).map_err(UploadError::Stream)?;
                    self.flushed = true;
                }
                return if self.is_at_end() { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            match ready!(self.poll_write(stream, context)) {
                Ok(count) => {
                    self.begun = true;
                    self.flushed = false;
                    self.advance(count);
                }
                Err(error) => {
                    self.broken = Some(io::Error::from(error.kind()));
                    return Poll::Ready(Err(UploadError::Stream(error)));
                }
            }
        }
    }

    fn poll_write(&mut self, stream: &mut Stream, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let gathered = self.gathered.get(self.written..).unwrap_or_default();
        let stream = Pin::new(stream);
        let count = match (self.large.is_empty(), self.tail.is_empty()) {
            (true, true) => ready!(stream.poll_write(context, gathered))?,
            _ => {
                let slices = [gathered, &self.large, self.tail].map(IoSlice::new);
                ready!(stream.poll_write_vectored(context, &slices))?
            }
        };
        Poll::Ready(if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) })
    }

    fn advance(&mut self, mut count: usize) {
        let step = count.min(self.gathered.len() - self.written);
        self.written += step;
        count -= step;
        if self.written == self.gathered.len() {
            self.gathered.clear();
            self.written = 0;
        }
        let step = count.min(self.large.len());
        self.large.advance(step);
        count -= step;
        self.tail = self.tail.get(count..).unwrap_or_default();
    }

    fn is_written(&self) -> bool {
        self.gathered.is_empty() && self.large.is_empty() && self.tail.is_empty()
    }

    /// Whether all of the body has been taken.
    fn is_at_end(&self) -> bool {
        self.framing == Framing::Length(0)
    }

    /// Takes as much of the body as is there and may wait.
    fn gather(&mut self, context: &mut Context<'_>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        while !self.is_at_end()
            && self.large.is_empty()
            && self.tail.is_empty()
            && self.gathered.len() < GATHERED
        {
            self.asked = true;
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else { return Ok(()) };
            match frame.transpose().map_err(Into::into)? {
                Some(frame) => self.put(frame)?,
                None => self.end(None)?,
            }
        }
        Ok(())
    }

    fn put(&mut self, frame: Frame<Bytes>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let data = match frame.into_data().map_err(Frame::into_trailers) {
            Ok(data) if data.is_empty() => return Ok(()),
            Ok(data) => data,
            Err(Ok(trailers)) => return self.end(Some(&trailers)),
            Err(Err(_)) => return Ok(()),
        };
        let mut behind: &'static [u8] = &[];
        match &mut self.framing {
            Framing::Length(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or("longer than was said")?;
            }
            Framing::Chunked => {
                let _ = write!(self.gathered, "{:x}\r\n", data.len());
                behind = b"\r\n";
            }
        }
        if data.len() > COPIED {
            (self.large, self.tail) = (data, behind);
        } else {
            self.gathered.extend_from_slice(&data);
            self.gathered.extend_from_slice(behind);
        }
        if self.body.is_end_stream() && self.framing == Framing::Chunked && self.large.is_empty() {
            return self.end(None);
        }
        Ok(())
    }

    /// Nothing follows but trailers.
    fn end(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        match self.framing {
            Framing::Length(0) => return Ok(()),
            Framing::Length(_) => return Err("shorter than was said".into()),
            Framing::Chunked => self.gathered.extend_from_slice(b"0\r\n"),
        }
        for (name, value) in trailers.into_iter().flatten().filter(|(name, _)| may_trail(name)) {
            write_field(&mut self.gathered, name, value);
        }
        self.gathered.extend_from_slice(b"\r\n");
        self.framing = Framing::Length(0);
        Ok(())
    }
}

fn write_head(buffer: &mut Vec<u8>, head: &Outgoing<'_>, framing: Framing) {
    buffer.extend_from_slice(head.method.as_str().as_bytes());
    buffer.push(b' ');
    buffer.extend_from_slice(head.target.as_str().as_bytes());
    buffer.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(host) = head.host {
        buffer.extend_from_slice(b"host: ");
        write_value(buffer, host);
    }
    let change = head.upgrade;
    let is_replaced = |name: &HeaderName| change.is_some_and(|change| change.fields.contains_key(name));
    let mut has_length = false;
    for (name, value) in head.headers {
        has_length |= *name == CONTENT_LENGTH;
        if head.passes(name) && !is_replaced(name) {
            write_field(buffer, name, value);
        }
    }
    if let Some(change) = change {
        buffer.extend_from_slice(b"connection: upgrade\r\nupgrade: ");
        write_value(buffer, change.protocol);
        for (name, value) in change.fields {
            write_field(buffer, name, value);
        }
    }
    match framing {
        // That there is no body goes without saying, but for methods that have one.
        Framing::Length(0) if !has_length && !has_body(head.method) => {}
        Framing::Length(length) => {
            let _ = write!(buffer, "content-length: {length}\r\n");
        }
        Framing::Chunked => buffer.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    buffer.extend_from_slice(b"\r\n");
}

fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

fn write_field(buffer: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    buffer.extend_from_slice(name.as_str().as_bytes());
    buffer.extend_from_slice(b": ");
    write_value(buffer, value);
}

fn write_value(buffer: &mut Vec<u8>, value: &HeaderValue) {
    buffer.extend_from_slice(value.as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// Whether a field may stand behind a body: none that says where the message ends, where it goes or how it is read
/// (RFC 9110, 6.5.1).
fn may_trail(name: &HeaderName) -> bool {
    use http::header as field;
    const NEVER: [HeaderName; 13] = [
        field::AUTHORIZATION,
        field::CACHE_CONTROL,
        field::CONNECTION,
        field::CONTENT_ENCODING,
        field::CONTENT_LENGTH,
        field::CONTENT_RANGE,
        field::CONTENT_TYPE,
        field::HOST,
        field::MAX_FORWARDS,
        field::SET_COOKIE,
        field::TE,
        field::TRAILER,
        field::TRANSFER_ENCODING,
    ];
    !NEVER.contains(name)
}
