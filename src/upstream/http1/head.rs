//! The head of a response.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version};
use httparse::{Header, ParserConfig, Status};
use memchr::memchr;

use crate::upstream::error::WireError;

/// Fields that there is room for without an allocation.
const USUAL_FIELDS: usize = 100;

/// Fields that the gateway and its plugins may add before there is more room to be made.
const ADDED: usize = 4;

/// What every response begins with.
const BEGINNING: &[u8] = b"HTTP/1.";

/// How large a head may be, and trailers.
#[derive(Clone, Copy, Debug)]
pub(in crate::upstream) struct Bounds {
    pub(in crate::upstream) bytes: usize,
    pub(in crate::upstream) fields: usize,
}

/// A head, and what it says of its message.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    /// How long the body is said to be.
    pub(super) length: Option<u64>,
    /// Whether it comes in chunks.
    pub(super) chunked: bool,
    /// Whether the endpoint keeps the connection open.
    pub(super) persists: bool,
}

/// Takes the head that `inbox` begins with, once it is there as a whole. The first `searched` bytes are known not to
/// contain its end.
pub(super) fn take(
    inbox: &mut BytesMut,
    searched: &mut usize,
    bounds: Bounds,
) -> Result<Option<Head>, WireError> {
    if let Some(end) = end(inbox, searched) {
        *searched = 0;
        return match end > bounds.bytes {
            true => Err(WireError::LargeHead),
            false => parse(&inbox.split_to(end).freeze(), bounds.fields).map(Some),
        };
    }
    let begins = inbox.iter().zip(BEGINNING).all(|(byte, wanted)| byte == wanted);
    match (begins, inbox.len() > bounds.bytes) {
        (false, _) => Err(WireError::Head(httparse::Error::Version)),
        (_, true) => Err(WireError::LargeHead),
        _ => Ok(None),
    }
}

/// Where the empty line ends.
fn end(inbox: &[u8], searched: &mut usize) -> Option<usize> {
    while let Some(line) = inbox.get(*searched..).and_then(|rest| memchr(b'\n', rest)) {
        let next = *searched + line + 1;
        match inbox.get(next..)? {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            // What follows the end of the line decides.
            [] | [b'\r'] => {
                *searched = next - 1;
                return None;
            }
            _ => *searched = next,
        }
    }
    *searched = inbox.len();
    None
}

fn parse(head: &Bytes, max_fields: usize) -> Result<Head, WireError> {
    let mut usual = [const { MaybeUninit::<Header<'_>>::uninit() }; USUAL_FIELDS];
    let mut more = Vec::new();
    let fields = match usual.get_mut(..max_fields) {
        Some(fields) => fields,
        None => {
            more.resize_with(max_fields, MaybeUninit::uninit);
            &mut more
        }
    };
    let mut parsed = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, head, fields);
    let (Ok(Status::Complete(_)), Some(code), Some(version)) = (status, parsed.code, parsed.version) else {
        return Err(status.err().map_or(WireError::Head(httparse::Error::Status), malformed));
    };
    let status = StatusCode::from_u16(code).ok().filter(|_| code < 600);
    let mut response = Response::new(());
    *response.status_mut() = status.ok_or(WireError::Head(httparse::Error::Status))?;
    *response.version_mut() = if version == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut says = Says { old: version == 0, ..Says::default() };
    *response.headers_mut() = collect(head, parsed.headers, |name, value| says.note(name, value))?;
    let (length, chunked) = says.framing()?;
    Ok(Head { response, length, chunked, persists: says.persists() })
}

/// Why a head, or trailers, cannot be read.
pub(super) fn malformed(error: httparse::Error) -> WireError {
    match error {
        httparse::Error::TooManyHeaders => WireError::LargeHead,
        error => WireError::Head(error),
    }
}

/// What the fields of a response say of its message and its connection, noted as they are read: looked up afterwards,
/// each would cost a hash.
#[derive(Default)]
struct Says {
    /// Whether this is HTTP/1.0.
    old: bool,
    lengths: usize,
    length: Option<u64>,
    codings: usize,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Says {
    fn note(&mut self, name: &HeaderName, value: &[u8]) {
        if *name == CONTENT_LENGTH {
            self.lengths += 1;
            self.length = number(value);
        } else if *name == TRANSFER_ENCODING {
            self.codings += 1;
            self.chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if *name == CONNECTION {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        }
    }

    /// The length of the body and whether it is in chunks, where there is no doubt about it.
    fn framing(&self) -> Result<(Option<u64>, bool), WireError> {
        let doubt = match (self.lengths, self.codings) {
            (0, 0) => return Ok((None, false)),
            (0, 1) if self.old => "Transfer-Encoding in HTTP/1.0",
            (0, 1) if self.chunked => return Ok((None, true)),
            (0, 1) => "a transfer coding other than chunked",
            (0, _) => "more than one Transfer-Encoding",
            (1, 0) if self.length.is_some() => return Ok((self.length, false)),
            (1, 0) => "Content-Length is not a number",
            (_, 0) => "more than one Content-Length",
            _ => "both Content-Length and Transfer-Encoding",
        };
        Err(WireError::Doubtful(doubt))
    }

    fn persists(&self) -> bool {
        if self.old { self.keep_alive } else { !self.close }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(digits).ok()?;
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// The fields, their values as parts of `whole`. `note` hears of each.
pub(super) fn collect(
    whole: &Bytes,
    fields: &[Header<'_>],
    mut note: impl FnMut(&HeaderName, &[u8]),
) -> Result<HeaderMap, WireError> {
    // With room for what the gateway and its plugins add: to grow costs more than all that they do with it.
    let mut headers = HeaderMap::with_capacity(fields.len() + ADDED);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| WireError::Head(httparse::Error::HeaderName))?;
        note(&name, field.value);
        let value = HeaderValue::from_maybe_shared(whole.slice_ref(field.value))
            .map_err(|_| WireError::Head(httparse::Error::HeaderValue))?;
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 64 << 10, fields: 100 };

    fn taken(text: &str) -> Result<Option<Head>, WireError> {
        take(&mut BytesMut::from(text), &mut 0, BOUNDS)
    }

    #[test]
    fn a_head_is_taken_once_it_is_whole_however_it_comes() {
        let text = "HTTP/1.1 200 OK\r\nServer: a\r\nSet-Cookie: b\r\nset-cookie: c\r\n\r\n";
        for cut in 1..text.len() {
            let (mut inbox, mut searched) = (BytesMut::from(&text[..cut]), 0);
            assert!(take(&mut inbox, &mut searched, BOUNDS).unwrap().is_none(), "{cut}");
            inbox.extend_from_slice(&text.as_bytes()[cut..]);
            inbox.extend_from_slice(b"body");
            let head = take(&mut inbox, &mut searched, BOUNDS).unwrap().unwrap().response;
            assert_eq!(
                (head.status(), &head.headers()["server"]),
                (StatusCode::OK, &HeaderValue::from_static("a"))
            );
            assert_eq!(head.headers().get_all("set-cookie").iter().count(), 2);
            assert_eq!((&inbox[..], searched), (&b"body"[..], 0));
        }
    }

    #[test]
    fn what_is_no_response_is_refused_as_soon_as_that_is_known() {
        for text in ["H2", "HTTP/2 ", "\r\n", "garbage", "HTTP/1.1 2OO OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n"]
        {
            assert!(taken(text).is_err(), "{text}");
        }
        for line in ["a : b", " folded", "a: b\r\n c", "a\0: b", "a: \0", ": b", "a"] {
            assert!(taken(&format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n")).is_err(), "{line}");
        }
    }

    #[test]
    fn a_head_has_its_limits() {
        let head = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(count));
        for fields in [20, USUAL_FIELDS, 500] {
            let bounds = Bounds { fields, ..BOUNDS };
            let taken = |text: &str| take(&mut BytesMut::from(text), &mut 0, bounds);
            assert!(taken(&head(fields)).unwrap().is_some());
            assert!(matches!(taken(&head(fields + 1)), Err(WireError::LargeHead)));
        }
        let endless = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(BOUNDS.bytes));
        assert!(matches!(taken(&endless), Err(WireError::LargeHead)));
        assert!(matches!(taken(&format!("{endless}\r\n\r\n")), Err(WireError::LargeHead)));
    }

    #[test]
    fn a_connection_persists_by_version_and_option() {
        for (text, persists) in [
            ("HTTP/1.1 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: foo, Close\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n\r\n", true),
        ] {
            assert_eq!(taken(text).unwrap().unwrap().persists, persists, "{text}");
        }
    }
    #[test]
    fn a_body_ends_where_there_is_no_doubt_about_it() {
        let framing = |fields: &str| {
            let head = taken(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
            head.map(|head| head.map(|head| (head.length, head.chunked)).unwrap())
        };
        assert_eq!(framing("").unwrap(), (None, false));
        assert_eq!(framing("content-length: 007\r\n").unwrap(), (Some(7), false));
        assert_eq!(framing("Transfer-Encoding: Chunked\r\n").unwrap(), (None, true));
        for fields in [
            "+1",
            "",
            "1,1",
            "18446744073709551616",
            "1\r\ncontent-length: 1",
            "1\r\ntransfer-encoding: chunked",
        ] {
            let fields = format!("content-length: {fields}\r\n");
            assert!(matches!(framing(&fields), Err(WireError::Doubtful(_))), "{fields}");
        }
        for coding in
            ["gzip", "gzip, chunked", "chunked, chunked", "chunked\r\ntransfer-encoding: chunked", ""]
        {
            let fields = format!("transfer-encoding: {coding}\r\n");
            assert!(matches!(framing(&fields), Err(WireError::Doubtful(_))), "{fields}");
        }
    }
}
