//! The chunked coding, read.

use bytes::{Buf, Bytes, BytesMut};
use http_body::Frame;
use memchr::memchr;

use super::head::{Bounds, collect, malformed};
use crate::upstream::error::WireError;

/// Bytes of the line that says how long a chunk is, extensions included.
const MAX_LINE: usize = 4 << 10;

/// Where in a chunked body its reader is.
#[derive(Debug, Default)]
pub(super) enum Chunked {
    /// Before a line with a size.
    #[default]
    Size,
    /// In a chunk of which so many bytes are left.
    Data(u64),
    /// Behind a chunk.
    DataEnd,
    /// Behind the last one, where so many bytes do not contain the end of the trailers.
    Trailers(usize),
    Ended,
}

impl Chunked {
    pub(super) fn is_ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// How many bytes are expected next.
    pub(super) fn wanted(&self) -> usize {
        match self {
            Self::Data(left) => usize::try_from(*left).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// Takes what `inbox` has; `None` where more has to come in, or at the end.
    pub(super) fn take(
        &mut self,
        inbox: &mut BytesMut,
        bounds: Bounds,
    ) -> Result<Option<Frame<Bytes>>, WireError> {
        loop {
            match self {
                Self::Size => match size(inbox)? {
                    Some(0) => *self = Self::Trailers(0),
                    Some(size) => *self = Self::Data(size),
                    None => return Ok(None),
                },
                Self::Data(_) if inbox.is_empty() => return Ok(None),
                Self::Data(left) => {
                    let count = usize::try_from(*left).map_or(inbox.len(), |left| left.min(inbox.len()));
                    let data = inbox.split_to(count).freeze();
                    *left -= count as u64;
                    if *left == 0 {
                        self.end_chunk(inbox);
                    }
                    return Ok(Some(Frame::data(data)));
                }
                Self::DataEnd => match &inbox[..] {
                    [b'\r', b'\n', ..] => {
                        inbox.advance(2);
                        *self = Self::Size;
                    }
                    [] | [b'\r'] => return Ok(None),
                    _ => return Err(WireError::Chunk("no CRLF behind a chunk")),
                },
                Self::Trailers(searched) => {
                    let trailers = trailers(inbox, searched, bounds)?;
                    if trailers.is_some() {
                        *self = Self::Ended;
                    }
                    return Ok(trailers.flatten());
                }
                Self::Ended => return Ok(None),
            }
        }
    }

    /// Most bodies end right behind a chunk: then whoever has its bytes need not ask for more.
    fn end_chunk(&mut self, inbox: &mut BytesMut) {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        *self = match inbox.starts_with(END) {
            true => {
                inbox.advance(END.len());
                Self::Ended
            }
            false => Self::DataEnd,
        };
    }
}

/// Takes what is behind the last chunk, once it is there as a whole: a frame, where there are trailers.
fn trailers(
    inbox: &mut BytesMut,
    searched: &mut usize,
    bounds: Bounds,
) -> Result<Option<Option<Frame<Bytes>>>, WireError> {
    const END: &[u8] = b"\r\n\r\n";
    if *searched == 0 && inbox.starts_with(b"\r\n") {
        inbox.advance(2);
        return Ok(Some(None));
    }
    let rest = inbox.get(*searched..).unwrap_or_default();
    let end = rest.windows(END.len()).position(|window| window == END);
    let end = end.map(|at| *searched + at + END.len());
    if end.unwrap_or(inbox.len()) > bounds.bytes {
        return Err(WireError::LargeHead);
    }
    let Some(end) = end else {
        *searched = inbox.len().saturating_sub(END.len() - 1);
        return Ok(None);
    };
    let trailers = inbox.split_to(end).freeze();
    let mut fields = vec![httparse::EMPTY_HEADER; bounds.fields];
    let parsed = httparse::parse_headers(&trailers, &mut fields).map_err(malformed)?;
    let httparse::Status::Complete((_, fields)) = parsed else {
        return Err(WireError::Chunk("malformed trailers"));
    };
    Ok(Some(Some(Frame::trailers(collect(&trailers, fields, |_, _| {})?))))
}

/// Takes the line that says how long a chunk is.
fn size(inbox: &mut BytesMut) -> Result<Option<u64>, WireError> {
    let Some(end) = memchr(b'\n', inbox) else {
        return if inbox.len() > MAX_LINE {
            Err(WireError::Chunk("too long a chunk size"))
        } else {
            Ok(None)
        };
    };
    let line = inbox.split_to(end + 1);
    let Some(line) = line.strip_suffix(b"\r\n").filter(|line| line.len() <= MAX_LINE) else {
        return Err(WireError::Chunk("a chunk size without CRLF"));
    };
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = digits.trim_ascii_end();
    let is_size = (1..=16).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    let is_clean = !line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t');
    let size = std::str::from_utf8(digits).ok().filter(|_| is_size && is_clean);
    let size = size.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    size.map(Some).ok_or(WireError::Chunk("a malformed chunk size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 16 << 10, fields: 100 };

    /// What comes out of a body that comes in pieces of `step` bytes, and what is left of the input.
    fn read(text: &str, step: usize) -> Result<(String, Option<usize>, bool, String), WireError> {
        let (mut chunked, mut inbox) = (Chunked::default(), BytesMut::new());
        let (mut data, mut trailers) = (Vec::new(), None);
        for piece in text.as_bytes().chunks(step) {
            inbox.extend_from_slice(piece);
            while let Some(frame) = chunked.take(&mut inbox, BOUNDS)? {
                match frame.into_data() {
                    Ok(bytes) => data.extend_from_slice(&bytes),
                    Err(frame) => trailers = frame.trailers_ref().map(http::HeaderMap::len),
                }
            }
        }
        let left = String::from_utf8(inbox.to_vec()).unwrap();
        Ok((String::from_utf8(data).unwrap(), trailers, chunked.is_ended(), left))
    }

    #[test]
    fn chunks_are_joined_however_they_come() {
        let text = "3\r\nabc\r\nA ;x=\"y\"\r\n0123456789\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\nHTTP";
        for step in [1, 2, 3, 7, 1000] {
            let (data, trailers, ended, left) = read(text, step).unwrap();
            assert_eq!(
                (data.as_str(), trailers, ended, left.as_str()),
                ("abc0123456789", Some(2), true, "HTTP")
            );
        }
        for step in [1, 8, 1000] {
            assert_eq!(
                read("1\r\na\r\n0\r\n\r\n", step).unwrap(),
                ("a".to_owned(), None, true, String::new())
            );
            assert_eq!(read("1\r\na\r\n0\r\n", step).unwrap(), ("a".to_owned(), None, false, String::new()));
        }
    }

    #[test]
    fn what_could_be_read_otherwise_is_refused() {
        for text in [
            "\r\n",
            " 1\r\na\r\n",
            "+1\r\na\r\n",
            "0x1\r\na\r\n",
            "1\na\r\n",
            "1\r\naa\r\n",
            "1\r\na\n0\r\n\r\n",
            "g\r\n",
            "11111111111111111\r\n",
            "1 1\r\na\r\n",
            "1;\0\r\na\r\n",
            "0\r\n: a\r\n\r\n",
            "0\r\na b\r\n\r\n",
            "1\r\r\na\r\n",
        ] {
            assert!(read(text, 1).is_err() && read(text, 1000).is_err(), "{text:?}");
        }
        assert!(read(&format!("1;{}", "x".repeat(MAX_LINE + 1)), 1000).is_err());
    }

    #[test]
    fn trailers_have_their_limits() {
        let text = |length, end| format!("0\r\na: {}{end}", "x".repeat(length - "a: ".len()));
        for step in [1, 1000, usize::MAX] {
            let read = |text: &str| read(text, step);
            assert!(read(&text(BOUNDS.bytes - 4, "\r\n\r\n")).unwrap().2);
            assert!(matches!(read(&text(BOUNDS.bytes - 3, "\r\n\r\n")), Err(WireError::LargeHead)));
            assert!(matches!(read(&text(BOUNDS.bytes + 1, "")), Err(WireError::LargeHead)));
            let fields = |count| format!("0\r\n{}\r\n", "a: b\r\n".repeat(count));
            assert_eq!(read(&fields(100)).unwrap().1, Some(100));
            assert!(matches!(read(&fields(101)), Err(WireError::LargeHead)));
        }
    }
}
