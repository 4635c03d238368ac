//! The head of a request as RFC 9112 has it, and nothing besides.

use super::text::{TARGET, TOKEN, split_value};
use crate::proxy::Objection;
use crate::proxy::Objection::Malformed;

/// How much of a head is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the head.
    pub head: usize,
    /// Bytes of the target.
    pub target: usize,
    /// Fields.
    pub fields: usize,
}

/// What a head says of what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The bytes of the head itself.
    pub(super) size: usize,
    pub(super) chunked: bool,
    /// The bytes of a body that is not in chunks.
    pub(super) length: u64,
    /// Whether another protocol may follow.
    pub(super) upgrade: bool,
}

/// Reads a head line by line, as it comes in. What is refused is refused at the first byte that is wrong.
#[derive(Debug, Default)]
pub(super) struct HeadScan {
    /// Where the line starts that has not been read yet.
    at: usize,
    line: Option<Line>,
    fields: usize,
    length: Option<u64>,
    codings: usize,
    upgrade: bool,
}

/// The request line.
#[derive(Clone, Copy, Debug)]
struct Line {
    start: usize,
    /// Bytes of method and target, with the space between them.
    size: usize,
    old: bool,
}

/// The rest of a line's text: `None` where it has not come in yet.
type Found<T> = Result<Option<T>, Objection>;

impl HeadScan {
    /// Goes on with `bytes`, which start with the head. `None` where its end has not come in yet.
    pub(super) fn go_on(&mut self, bytes: &[u8], limits: &HeadLimits) -> Found<Head> {
        let head = self.lines(bytes, limits)?;
        match head.map_or(bytes.len(), |head| head.size) {
            size if size <= limits.head => Ok(head),
            _ if self.line.is_none() => Err(Objection::LongTarget),
            _ => Err(Objection::LargeHead),
        }
    }

    fn lines(&mut self, bytes: &[u8], limits: &HeadLimits) -> Found<Head> {
        if self.line.is_none() && self.request_line(bytes, limits)?.is_none() {
            return Ok(None);
        }
        loop {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let (name, after) = TOKEN.split(rest);
            let value = match (name, after) {
                (_, []) | ([], [b'\r']) => return Ok(None),
                ([], [b'\r', b'\n', ..]) => return self.end().map(Some),
                ([_, ..], [b':', value @ ..]) => value,
                _ => return Err(Malformed(whats_wrong_with_name(name, after))),
            };
            let (value, after) = split_value(value);
            match after {
                [] | [b'\r'] => return Ok(None),
                [b'\r', b'\n', ..] => {}
                _ => return Err(Malformed(whats_wrong_with_end(after))),
            }
            self.at += name.len() + 1 + value.len() + 2;
            self.fields += 1;
            if self.fields > limits.fields {
                return Err(Objection::ManyFields);
            }
            self.field(name, value)?;
        }
    }

    fn request_line(&mut self, bytes: &[u8], limits: &HeadLimits) -> Found<()> {
        // A client of old may send one after a body.
        while let Some([b'\r', b'\n']) = bytes.get(self.at..self.at + 2) {
            self.at += 2;
        }
        let line = bytes.get(self.at..).unwrap_or_default();
        let (method, after) = TOKEN.split(line);
        let rest = match (method, after) {
            ([], [] | [b'\r']) | (_, []) => return Ok(None),
            ([_, ..], [b' ', rest @ ..]) => rest,
            _ => return Err(Malformed("the request does not begin with a method and a space")),
        };
        let (target, after) = TARGET.split(rest);
        if target.len() > limits.target {
            return Err(Objection::LongTarget);
        }
        let version = match (target, after) {
            (_, []) => return Ok(None),
            ([_, ..], [b' ', version @ ..]) => version,
            ([_, ..], [b'\r' | b'\n', ..]) => return Err(Malformed("the request line has no version")),
            _ => return Err(Malformed("a character that has no place in a target")),
        };
        let Some(old) = is_old(version)? else { return Ok(None) };
        check_target(method, target)?;
        self.line = Some(Line { start: self.at, size: method.len() + 1 + target.len(), old });
        self.at += method.len() + 1 + target.len() + 1 + VERSION_LINE;
        Ok(Some(()))
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Objection> {
        match name.len() {
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.upgrade |= !value.trim_ascii().eq_ignore_ascii_case(b"h2c");
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(Malformed("more than one Content-Length"));
                }
                self.length = Some(length(value.trim_ascii())?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.codings += 1;
                check_coding(value.trim_ascii())?;
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&self) -> Result<Head, Objection> {
        let old = self.line.is_some_and(|line| line.old);
        match (self.codings, self.length) {
            (1, Some(_)) => return Err(Malformed("both Content-Length and Transfer-Encoding")),
            (1, None) if old => return Err(Malformed("Transfer-Encoding in HTTP/1.0")),
            (2.., _) => return Err(Malformed("more than one Transfer-Encoding")),
            _ => {}
        }
        Ok(Head {
            size: self.at + 2,
            chunked: self.codings == 1,
            length: self.length.unwrap_or(0),
            upgrade: self.upgrade && !old,
        })
    }

    /// Method and target, where they have been read and found right.
    pub(super) fn asked<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        self.line.and_then(|line| bytes.get(line.start..line.start + line.size))
    }
}

/// Bytes of `HTTP/1.1` and the end of its line.
const VERSION_LINE: usize = 10;

/// Whether this is HTTP/1.0.
fn is_old(version: &[u8]) -> Found<bool> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ (b'0' | b'1'), b'\r', b'\n', ..] => {
            Ok(Some(*minor == b'0'))
        }
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor, b'\r', b'\n', ..]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(Objection::Version)
        }
        partial if partial.len() < VERSION_LINE && !partial.contains(&b'\n') => Ok(None),
        _ => Err(Malformed("the request line does not end with a version and CR LF")),
    }
}

fn check_target(method: &[u8], target: &[u8]) -> Result<(), Objection> {
    if method == b"CONNECT" {
        return Err(Objection::Connect);
    }
    match target {
        [b'/', ..] => check_escapes(target),
        b"*" if method == b"OPTIONS" => Ok(()),
        _ => match target.windows(3).position(|window| window == b"://") {
            Some(scheme) => match target.get(..scheme) {
                Some(scheme) if is_http(scheme) => check_escapes(target),
                _ => Err(Malformed("the target is of another scheme than http and https")),
            },
            None => Err(Malformed("the target is neither a path nor a URL")),
        },
    }
}

fn is_http(scheme: &[u8]) -> bool {
    scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https")
}

/// A path with half an escape, or with an escaped NUL, is cut or mended differently by every server behind.
fn check_escapes(target: &[u8]) -> Result<(), Objection> {
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let mut escapes = path.split(|byte| *byte == b'%');
    escapes.next();
    for escape in escapes {
        match escape {
            [b'0', b'0', ..] => return Err(Malformed("an escaped NUL in the path")),
            [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {}
            _ => return Err(Malformed("a % in the path without two hexadecimal digits")),
        }
    }
    Ok(())
}

fn length(digits: &[u8]) -> Result<u64, Objection> {
    let invalid = Malformed("Content-Length is not a number");
    if digits.is_empty() {
        return Err(invalid);
    }
    digits.iter().try_fold(0u64, |length, digit| match digit {
        b'0'..=b'9' => length
            .checked_mul(10)
            .and_then(|length| length.checked_add(u64::from(digit - b'0')))
            .ok_or(invalid),
        _ => Err(invalid),
    })
}

/// `chunked` alone can be taken off. Where it is not the last one, nobody knows where the body ends.
fn check_coding(value: &[u8]) -> Result<(), Objection> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let last = codings.next_back().unwrap_or_default();
    let known = |coding: &[u8]| {
        [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"]
            .iter()
            .any(|known| coding.eq_ignore_ascii_case(known))
    };
    match last.eq_ignore_ascii_case(b"chunked") && codings.all(known) {
        true => Err(Objection::Coding),
        false => Err(Malformed("Transfer-Encoding is not chunked")),
    }
}

#[cold]
fn whats_wrong_with_name(name: &[u8], after: &[u8]) -> &'static str {
    match (name, after) {
        ([], [b' ' | b'\t', ..]) => "a line that continues the one before",
        (_, [b' ' | b'\t', ..]) => "a space between a field's name and its colon",
        ([], [b':', ..]) => "a field without a name",
        (_, [b'\r' | b'\n', ..]) if !name.is_empty() => "a line without a colon",
        (_, [b'\n', ..]) => "a line that ends without CR",
        (_, [b'\r', ..]) => "a CR without LF",
        _ => "a character that has no place in a field's name",
    }
}

#[cold]
fn whats_wrong_with_end(after: &[u8]) -> &'static str {
    match after {
        [b'\n', ..] => "a line that ends without CR",
        [b'\r', ..] => "a CR without LF",
        _ => "a control character in a field's value",
    }
}
