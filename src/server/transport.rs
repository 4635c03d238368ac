use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio_rustls::server::TlsStream;

use crate::socket::{MaybeTls, Stream};
use crate::tls;

/// What HTTP/2 begins with (RFC 9113, 3.4). No request of HTTP/1 does.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// As much as a first read takes: the head of a usual request.
const FIRST: usize = 4096;

/// A client's socket.
pub(super) type Transport = MaybeTls<TlsStream<Stream>>;

/// The bytes a connection begins with, and what they are the beginning of.
#[derive(Default)]
pub(super) struct Beginning {
    pub(super) bytes: Bytes,
    pub(super) is_http2: bool,
}

impl Beginning {
    /// Reads until it is known which protocol the client speaks: for HTTP/1 that is one read, which the parser would do
    /// otherwise.
    pub(super) async fn read(transport: &mut Transport) -> io::Result<Self> {
        let mut bytes = BytesMut::new();
        loop {
            let read = std::future::poll_fn(|context| transport.poll_append(context, &mut bytes)).await?;
            let begun = bytes.len().min(PREFACE.len());
            let is_preface = bytes.get(..begun) == PREFACE.get(..begun);
            if !is_preface || read == 0 || begun == PREFACE.len() {
                let is_http2 = is_preface && begun == PREFACE.len();
                return Ok(Self { bytes: bytes.freeze(), is_http2 });
            }
        }
    }
}

impl Transport {
    /// What the handshake told, where there was one.
    pub(super) fn facts(&self) -> Option<tls::Facts> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(stream) => Some(tls::Facts::of(stream.get_ref().1)),
        }
    }

    /// The protocol that was agreed on.
    pub(super) fn agreed(&self) -> Option<&[u8]> {
        match self {
            Self::Clear(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }

    /// Reads once, from a buffer that is no part of the connection's state.
    fn poll_append(&mut self, context: &mut Context<'_>, bytes: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); FIRST];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(self).poll_read(context, &mut buffer))?;
        bytes.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    }
}
