//! Content codings, for guests that want to see what is inside.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use async_compression::tokio::write as codec;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

/// A content coding that the gateway can take off and put on again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Why coded content cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    /// One that the gateway does not know, or several.
    #[error("content-encoding {0:?} cannot be decoded; gzip, deflate, br and zstd can")]
    Unknown(String),
    /// Not what its coding says, or cut off.
    #[error("the content does not keep to its content-encoding: {0}")]
    Malformed(String),
    /// More than the limit comes out of it.
    #[error("the content is larger than {0} bytes when decoded")]
    TooLarge(usize),
}

impl Coding {
    /// The coding of a message's content; `None` where it has none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, CodingError> {
        let mut found = None;
        for value in headers.get_all(CONTENT_ENCODING) {
            for name in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let coding = match name.to_ascii_lowercase().as_slice() {
                    b"" | b"identity" => continue,
                    b"gzip" | b"x-gzip" => Self::Gzip,
                    b"deflate" => Self::Deflate,
                    b"br" => Self::Brotli,
                    b"zstd" => Self::Zstd,
                    _ => return Err(unknown(value.as_bytes())),
                };
                if found.replace(coding).is_some() {
                    return Err(unknown(value.as_bytes()));
                }
            }
        }
        Ok(found)
    }
}

fn unknown(value: &[u8]) -> CodingError {
    CodingError::Unknown(value.escape_ascii().to_string())
}

/// Takes a coding off, or puts one on: bytes in, bytes out.
pub(super) struct Codec {
    writer: Pin<Box<dyn AsyncWrite>>,
    made: Rc<RefCell<Made>>,
    begun: bool,
}

/// What came out and was not taken yet.
#[derive(Debug, Default)]
struct Made {
    bytes: BytesMut,
    limit: usize,
    is_over: bool,
}

/// Where a codec writes to.
struct Sink(Rc<RefCell<Made>>);

impl Codec {
    pub(super) fn decoder(coding: Coding) -> Self {
        Self::build(|sink| match coding {
            Coding::Gzip => Box::pin(codec::GzipDecoder::new(sink)),
            Coding::Deflate => Box::pin(codec::ZlibDecoder::new(sink)),
            Coding::Brotli => Box::pin(codec::BrotliDecoder::new(sink)),
            Coding::Zstd => Box::pin(codec::ZstdDecoder::new(sink)),
        })
    }

    pub(super) fn encoder(coding: Coding) -> Self {
        use async_compression::Level;
        Self::build(|sink| match coding {
            Coding::Gzip => Box::pin(codec::GzipEncoder::new(sink)),
            Coding::Deflate => Box::pin(codec::ZlibEncoder::new(sink)),
            // The default of brotli is for files that are compressed once.
            Coding::Brotli => Box::pin(codec::BrotliEncoder::with_quality(sink, Level::Precise(4))),
            Coding::Zstd => Box::pin(codec::ZstdEncoder::new(sink)),
        })
    }

    fn build(writer: impl FnOnce(Sink) -> Pin<Box<dyn AsyncWrite>>) -> Self {
        let made = Rc::default();
        Self { writer: writer(Sink(Rc::clone(&made))), made, begun: false }
    }

    /// What comes out when `bytes` go in: at most `limit` bytes.
    pub(super) fn push(&mut self, bytes: &[u8], limit: usize) -> Result<Bytes, CodingError> {
        if bytes.is_empty() {
            return Ok(Bytes::new());
        }
        self.begun = true;
        self.made.borrow_mut().limit = limit;
        let writer = &mut self.writer;
        // The sink never waits, so neither does the writer.
        let written = async {
            writer.write_all(bytes).await?;
            writer.flush().await
        };
        let outcome = written.now_or_never();
        self.taken(outcome, limit)
    }

    /// The same, but more than `limit` is no mistake: what fits comes out, and it has had its last bytes.
    pub(super) fn push_some(&mut self, bytes: &[u8], limit: usize) -> Result<Bytes, CodingError> {
        match self.push(bytes, limit) {
            Err(CodingError::TooLarge(_)) => Ok(self.made.borrow_mut().bytes.split().freeze()),
            other => other,
        }
    }

    /// What is left when nothing goes in any more.
    pub(super) fn finish(&mut self, limit: usize) -> Result<Bytes, CodingError> {
        if !self.begun {
            return Ok(Bytes::new());
        }
        self.made.borrow_mut().limit = limit;
        let ended = self.writer.shutdown().now_or_never();
        self.taken(ended, limit)
    }

    fn taken(&self, outcome: Option<io::Result<()>>, limit: usize) -> Result<Bytes, CodingError> {
        let mut made = self.made.borrow_mut();
        match outcome {
            _ if made.is_over => Err(CodingError::TooLarge(limit)),
            Some(Ok(())) => Ok(made.bytes.split().freeze()),
            Some(Err(error)) => Err(CodingError::Malformed(error.to_string())),
            None => Err(CodingError::Malformed("the decoder got stuck".into())),
        }
    }
}

/// All of `bytes` at once.
pub(super) fn encode(coding: Coding, bytes: &[u8]) -> Result<Bytes, CodingError> {
    let mut encoder = Codec::encoder(coding);
    // An empty content is coded too: what a decoder must find is a whole stream.
    encoder.begun = true;
    let mut coded = BytesMut::from(encoder.push(bytes, usize::MAX)?);
    coded.extend_from_slice(&encoder.finish(usize::MAX)?);
    Ok(coded.freeze())
}

/// All of `bytes` at once, which must be at most `limit` when decoded.
pub(super) fn decode(coding: Coding, bytes: &[u8], limit: usize) -> Result<Bytes, CodingError> {
    let mut decoder = Codec::decoder(coding);
    let mut decoded = BytesMut::from(decoder.push(bytes, limit)?);
    let rest = decoder.finish(limit.saturating_sub(decoded.len()));
    decoded.extend_from_slice(&rest.map_err(|error| over(error, limit))?);
    Ok(decoded.freeze())
}

/// The limit that was meant, rather than what was left of it.
fn over(error: CodingError, limit: usize) -> CodingError {
    if matches!(error, CodingError::TooLarge(_)) { CodingError::TooLarge(limit) } else { error }
}

impl AsyncWrite for Sink {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut made = self.0.borrow_mut();
        let room = made.limit.saturating_sub(made.bytes.len());
        if let Some(fitting) = bytes.get(..room).filter(|fitting| fitting.len() < bytes.len()) {
            made.bytes.extend_from_slice(fitting);
            made.is_over = true;
            return Poll::Ready(Err(io::Error::other("over the limit")));
        }
        made.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Codec").field("made", &self.made).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    fn coded(text: &'static str) -> HeaderMap {
        [(CONTENT_ENCODING, HeaderValue::from_static(text))].into_iter().collect()
    }

    #[test]
    fn every_coding_comes_off_again_in_whatever_pieces_it_arrives() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for coding in ALL {
            let bytes = encode(coding, &content).unwrap();
            assert_eq!(decode(coding, &bytes, content.len()).unwrap(), content, "{coding:?}");
            for size in [1, 7, 4096] {
                let mut decoder = Codec::decoder(coding);
                let mut decoded = Vec::new();
                for piece in bytes.chunks(size) {
                    decoded.extend(decoder.push(piece, usize::MAX).unwrap());
                }
                decoded.extend(decoder.finish(usize::MAX).unwrap());
                assert_eq!(decoded, content, "{coding:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_was_put_in_so_far_comes_out_before_the_end() {
        for coding in ALL {
            let mut encoder = Codec::encoder(coding);
            let mut decoder = Codec::decoder(coding);
            let coded = encoder.push(b"hello", usize::MAX).unwrap();
            assert_eq!(decoder.push(&coded, usize::MAX).unwrap(), "hello", "{coding:?}");
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let zeros = vec![0; 10 << 20];
        for coding in ALL {
            let bomb = encode(coding, &zeros).unwrap();
            assert!(bomb.len() < 20_000, "{coding:?}: {}", bomb.len());
            assert_eq!(decode(coding, &bomb, 1 << 20), Err(CodingError::TooLarge(1 << 20)), "{coding:?}");
        }
    }

    #[test]
    fn what_is_cut_off_or_followed_by_something_is_refused() {
        for coding in ALL {
            let whole = encode(coding, b"some content, long enough to be cut").unwrap();
            let cut = whole.slice(..whole.len() - 2);
            assert!(matches!(decode(coding, &cut, 1000), Err(CodingError::Malformed(_))), "{coding:?} cut");
            let more = [&whole[..], b"more"].concat();
            assert!(matches!(decode(coding, &more, 1000), Err(CodingError::Malformed(_))), "{coding:?} more");
            assert!(matches!(decode(coding, b"\xff\xff\xff\xff\xff", 1000), Err(CodingError::Malformed(_))));
        }
    }

    #[test]
    fn one_known_coding_is_understood_and_nothing_else() {
        assert_eq!(Coding::of(&HeaderMap::new()), Ok(None));
        assert_eq!(Coding::of(&coded("identity")), Ok(None));
        assert_eq!(Coding::of(&coded(" X-GZip ")), Ok(Some(Coding::Gzip)));
        for text in ["gzip, br", "gzip, gzip", "compress", "gzip;q=1"] {
            assert_eq!(Coding::of(&coded(text)), Err(CodingError::Unknown(text.into())));
        }
    }

    #[test]
    fn no_content_at_all_needs_no_decoding() {
        for coding in ALL {
            assert_eq!(decode(coding, b"", 0).unwrap(), "");
        }
    }
}
