//! The guard before the HTTP/1 parser: it says the same whatever pieces a request comes in, and lets through only what can
//! be read in one way. What it lets through is read once more here, as plainly as can be.

use gatewright::server::{Admission, End, HeadLimits};

const LIMITS: HeadLimits = HeadLimits { head: 2048, target: 256, fields: 16 };

/// Reads the first byte of `data` as how the others are cut into pieces.
pub fn holds(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let whole = Admission::of([bytes], LIMITS);
    reads(&whole.passed);
    for pieces in [bytes.chunks(1), bytes.chunks(usize::from(*cut).max(1))] {
        agree(&whole, &Admission::of(pieces, LIMITS), bytes);
    }
}

fn agree(whole: &Admission, pieces: &Admission, bytes: &[u8]) {
    let same = match (whole.end, pieces.end) {
        (None, None) => whole.passed == pieces.passed,
        // Too large or malformed: where it is both, it is refused for what is seen first.
        (Some(End::Refused(one)), Some(End::Refused(other))) => {
            whole.passed == pieces.passed && (one.status() == other.status() || bytes.len() > LIMITS.head)
        }
        // What came before the mistake has been passed on already.
        (Some(End::Broken(one)), Some(End::Broken(other))) => {
            one == other && pieces.passed.starts_with(&whole.passed)
        }
        _ => false,
    };
    assert!(same, "at once {whole:?}, in pieces {pieces:?}");
    assert!(bytes.starts_with(&pieces.passed), "other bytes than the client's are passed on");
    reads(&pieces.passed);
}

/// Reads what was passed on: whole heads, and bodies of which only the last may be cut off.
fn reads(passed: &[u8]) {
    let mut rest = passed;
    while !rest.is_empty() {
        let head = Head::read(&mut rest);
        let whole = match head.chunked {
            true => read_chunks(&mut rest),
            false => {
                let here = usize::try_from(head.length).unwrap_or(usize::MAX).min(rest.len());
                rest = &rest[here..];
                here as u64 == head.length
            }
        };
        assert!(whole || rest.is_empty(), "something follows half a body");
        // Nobody has answered, so nobody knows what protocol follows.
        assert!(!head.upgrade || rest.is_empty(), "something follows a request for another protocol");
    }
}

struct Head {
    length: u64,
    chunked: bool,
    upgrade: bool,
}

impl Head {
    fn read(rest: &mut &[u8]) -> Self {
        while let Some(after) = rest.strip_prefix(b"\r\n") {
            *rest = after;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").expect("half a head is passed on");
        let (head, after) = rest.split_at(end + 4);
        *rest = after;
        assert!(head.len() <= LIMITS.head, "a head of {} bytes", head.len());
        let text: String = head[..end].iter().map(|byte| char::from(*byte)).collect();
        let mut lines = text.split("\r\n");
        let old = request_line(lines.next().unwrap_or_default());
        let mut read = Self { length: 0, chunked: false, upgrade: false };
        let (mut fields, mut lengths, mut codings) = (0, 0, 0);
        for line in lines {
            let (name, value) = field(line);
            fields += 1;
            match name.as_str() {
                "content-length" => {
                    lengths += 1;
                    assert!(!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()), "{line:?}");
                    read.length = value.parse().expect("a length beyond 64 bits");
                }
                "transfer-encoding" => {
                    codings += 1;
                    assert!(value.eq_ignore_ascii_case("chunked") && !old, "{line:?}");
                    read.chunked = true;
                }
                "upgrade" => read.upgrade |= !old && !value.eq_ignore_ascii_case("h2c"),
                _ => {}
            }
        }
        assert!(fields <= LIMITS.fields, "{fields} fields");
        assert!(lengths + codings <= 1, "two ways to find the end of {text:?}");
        read
    }
}

/// Whether it is of HTTP/1.0.
fn request_line(line: &str) -> bool {
    let parts: Vec<_> = line.split(' ').collect();
    let [method, target, version] = parts[..] else { panic!("{line:?} has not three parts") };
    assert!(is_token(method) && method != "CONNECT", "{line:?}");
    assert!(!target.is_empty() && target.len() <= LIMITS.target, "{line:?}");
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic() && !b"#<>\\`".contains(&byte)), "{line:?}");
    let lower = target.to_ascii_lowercase();
    let known = target.starts_with('/') || lower.starts_with("http://") || lower.starts_with("https://");
    assert!(known || (target == "*" && method == "OPTIONS"), "{line:?}");
    let path = target.split('?').next().unwrap_or_default();
    for escape in path.split('%').skip(1) {
        let digits = escape.get(..2).unwrap_or_default();
        assert!(digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line:?}");
        assert!(digits != "00", "{line:?}");
    }
    match version {
        "HTTP/1.1" => false,
        "HTTP/1.0" => true,
        _ => panic!("{line:?}"),
    }
}

/// The name in lower case, and the value without white space around it.
fn field(line: &str) -> (String, &str) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?} has no colon"));
    assert!(is_token(name), "{line:?}");
    assert!(!value.chars().any(|sign| sign != '\t' && sign.is_ascii_control()), "{line:?}");
    (name.to_ascii_lowercase(), value.trim_matches([' ', '\t']))
}

fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fits)
}

/// Whether the last chunk and the trailers are there, too.
fn read_chunks(rest: &mut &[u8]) -> bool {
    loop {
        let Some(line) = line(rest) else { return cut_off(rest) };
        let digits = line.split(';').next().unwrap_or_default();
        // White space is seen before extensions only.
        let digits = if line.contains(';') { digits.trim_end_matches([' ', '\t']) } else { digits };
        assert!(!digits.is_empty() && digits.len() <= 16, "{line:?}");
        assert!(digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line:?}");
        let size = u64::from_str_radix(digits, 16).expect("16 digits");
        if size == 0 {
            return read_trailers(rest);
        }
        let Some(data) = usize::try_from(size).ok().and_then(|size| rest.get(..size)) else {
            return cut_off(rest);
        };
        *rest = &rest[data.len()..];
        match rest.strip_prefix(b"\r\n") {
            Some(after) => *rest = after,
            None => {
                assert!(b"\r\n".starts_with(rest), "no end of line after a chunk");
                return cut_off(rest);
            }
        }
    }
}

fn read_trailers(rest: &mut &[u8]) -> bool {
    loop {
        match line(rest) {
            None => return cut_off(rest),
            Some(line) if line.is_empty() => return true,
            Some(line) => drop(field(&line)),
        }
    }
}

/// The next line; `None` where its end has not come. There is no CR in it but that at its end.
fn line(rest: &mut &[u8]) -> Option<String> {
    let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    assert!(
        rest[end] == b'\r' && matches!(rest.get(end + 1), None | Some(b'\n')),
        "a line ends in another way"
    );
    let after = rest.get(end + 2..)?;
    let line = rest[..end].iter().map(|byte| char::from(*byte)).collect();
    *rest = after;
    Some(line)
}

/// All of the rest belongs to a body that has not ended.
fn cut_off(rest: &mut &[u8]) -> bool {
    *rest = &[];
    false
}
