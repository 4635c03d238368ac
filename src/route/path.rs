//! Paths: the pattern of a rule and the segments of a request.

use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

/// More segments than any real pattern has; the search goes one call deeper for each.
const MAX_SEGMENTS: usize = 64;

/// A literal segment has at most as many bytes, as a file name has. So a segment of a request can be decoded on the stack:
/// what does not fit is no literal.
const MAX_LITERAL: usize = 255;

/// A rule's path, taken apart.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) pieces: Vec<Piece>,
    /// Whether a trailing `*` takes whatever follows the pieces.
    pub(super) rest: bool,
}

/// What one segment of a request must be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// These bytes, after decoding.
    Literal(Box<[u8]>),
    /// Anything but nothing.
    Name,
}

impl Pattern {
    /// Answers what is wrong, to be read after "the path", and what would be right.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        let inner = path.strip_prefix('/').ok_or("must begin with `/`")?;
        refuse_what_no_request_can_have(path)?;
        let (inner, rest) = match inner.strip_suffix('*') {
            Some("") => return Ok(Self { pieces: Vec::new(), rest: true }),
            Some(before) => (before.strip_suffix('/').ok_or(STAR)?, true),
            None => (inner, false),
        };
        let segments: Vec<_> = inner.split('/').collect();
        let (last, leading) = segments.split_last().ok_or("must not be empty")?;
        if leading.contains(&"") || (rest && last.is_empty()) {
            return Err("has an empty segment; repeated slashes count as one, write one".to_owned());
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(format!("has more than {MAX_SEGMENTS} segments"));
        }
        refuse_a_name_used_twice(&segments)?;
        let pieces = segments.iter().map(|segment| Piece::parse(segment)).collect::<Result<_, _>>()?;
        Ok(Self { pieces, rest })
    }
}

const STAR: &str = "may have `*` only as its whole last segment, as in `/shop/*`; a literal star is `%2A`";

impl Piece {
    fn parse(segment: &str) -> Result<Self, String> {
        if let Some(name) = name(segment) {
            return if is_name(name) {
                Ok(Self::Name)
            } else {
                Err(format!("has `{{{name}}}`, whose name must be letters, digits, `_` or `-`"))
            };
        }
        if segment.contains(['{', '}']) {
            return Err(format!(
                "has `{segment}`, but `{{name}}` must be a whole segment; literal braces are `%7B` and `%7D`"
            ));
        }
        if segment.contains('*') {
            return Err(STAR.to_owned());
        }
        let literal: Box<[u8]> = percent_decode_str(segment).collect();
        if literal.len() > MAX_LITERAL {
            return Err(format!("has a segment of more than {MAX_LITERAL} bytes"));
        }
        Ok(Self::Literal(literal))
    }
}

fn name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn refuse_a_name_used_twice(segments: &[&str]) -> Result<(), String> {
    let mut names: Vec<_> = segments.iter().filter_map(|segment| name(segment)).collect();
    names.sort_unstable();
    match names.array_windows().find(|[one, next]| one == next) {
        Some([name, _]) => Err(format!("uses the name `{{{name}}}` twice")),
        None => Ok(()),
    }
}

fn refuse_what_no_request_can_have(path: &str) -> Result<(), String> {
    if let Some(sign) = path.chars().find(|&sign| sign == '?' || sign == '#') {
        return Err(format!("has a `{sign}`, which is no part of a path"));
    }
    if path.chars().any(|sign| sign.is_whitespace() || sign.is_control()) {
        return Err("has white space; escape it, as in `%20`".to_owned());
    }
    if !escapes_are_whole(path) {
        return Err("has a `%` that two hexadecimal digits do not follow; a literal one is `%25`".to_owned());
    }
    if has_dot_segment(path) {
        return Err("has a `.` or `..` segment, and no request with one is matched".to_owned());
    }
    Ok(())
}

fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|after| match after.as_bytes() {
        [high, low, ..] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        _ => false,
    })
}

/// Whether some server could read a `.` or `..` segment here: escaped or not, set off by slashes, escaped slashes or
/// backslashes, with or without `;parameters` (which Java servers strip before they resolve it).
pub(super) fn has_dot_segment(path: &str) -> bool {
    may_have_dot_segment(path) && reads_a_dot_segment(percent_decode_str(path))
}

/// A quick look that tells most paths apart.
fn may_have_dot_segment(path: &str) -> bool {
    path.starts_with('.') || path.contains("/.") || path.contains(['%', '\\'])
}

fn reads_a_dot_segment(path: impl Iterator<Item = u8>) -> bool {
    // How many dots the segment so far consists of; `None` once it has anything else.
    let mut dots = Some(0);
    for byte in path {
        let ends = matches!(byte, b'/' | b'\\' | b';');
        if ends && matches!(dots, Some(1 | 2)) {
            return true;
        }
        dots = match byte {
            b'/' | b'\\' => Some(0),
            b'.' => dots.filter(|&count| count < 2).map(|count| count + 1),
            _ => None,
        };
    }
    matches!(dots, Some(1 | 2))
}

/// The segments of a request's path, from here to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segments<'a> {
    /// What follows the last slash taken; `None` at the end.
    rest: Option<&'a str>,
}

impl<'a> Segments<'a> {
    /// A path that does not begin with a slash (`OPTIONS *`, `CONNECT`) has none.
    pub(super) fn of(path: &'a str) -> Self {
        Self { rest: path.strip_prefix('/') }
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    /// Passes over empty segments except at the end: `/shop/` has a second segment, which is empty.
    fn next(&mut self) -> Option<Segment<'a>> {
        let Some((text, rest)) = self.rest?.trim_start_matches('/').split_once('/') else {
            return self.rest.take().map(|last| Segment { text: last.trim_start_matches('/') });
        };
        self.rest = Some(rest);
        Some(Segment { text })
    }
}

/// One segment of a request's path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    text: &'a str,
}

impl Segment<'_> {
    pub(super) fn is_empty(self) -> bool {
        self.text.is_empty()
    }

    /// Calls `look_up` with the decoded segment, unless it is too long for a literal.
    pub(super) fn decoded<T>(self, look_up: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
        if !self.text.contains('%') {
            return look_up(self.text.as_bytes());
        }
        let mut bytes = percent_decode_str(self.text);
        let literal: SmallVec<[u8; 256]> = bytes.by_ref().take(MAX_LITERAL).collect();
        if bytes.next().is_some() { None } else { look_up(&literal) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_s_segments_are_what_lies_between_slashes() {
        let cases: [(&str, &[&str]); 9] = [
            ("/", &[""]),
            ("/shop", &["shop"]),
            ("/shop/", &["shop", ""]),
            ("/shop/a%2Fb", &["shop", "a%2Fb"]),
            ("//shop///a", &["shop", "a"]),
            ("/shop//", &["shop", ""]),
            ("///", &[""]),
            ("*", &[]),
            ("", &[]),
        ];
        for (path, expected) in cases {
            let segments: Vec<_> = Segments::of(path).map(|segment| segment.text).collect();
            assert_eq!(segments, expected, "{path}");
        }
    }

    #[test]
    fn dot_segments_are_seen_in_every_disguise() {
        for path in [
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/a%2f..%2fb",
            "/a\\..\\b",
            "/a%5c..",
            "/..;/b",
            "/a/.;x=1/b",
            "..",
        ] {
            assert!(has_dot_segment(path), "{path}");
        }
    }

    #[test]
    fn dots_inside_names_are_no_dot_segments() {
        for path in
            ["/", "/a.b", "/.well-known/x", "/...", "/a..", "/..a", "/a;..", "/v1.2/%252e%252e", "*", ""]
        {
            assert!(!has_dot_segment(path), "{path}");
        }
    }

    #[test]
    fn a_wrong_pattern_is_told_what_would_be_right() {
        let cases = [
            ("", "must begin with `/`"),
            ("shop", "must begin with `/`"),
            ("/a?b", "has a `?`, which is no part of a path"),
            ("/a b", "has white space; escape it, as in `%20`"),
            ("/100%", "has a `%` that two hexadecimal digits do not follow; a literal one is `%25`"),
            ("/a/%2e%2e", "has a `.` or `..` segment, and no request with one is matched"),
            ("/a//b", "has an empty segment; repeated slashes count as one, write one"),
            ("/a//*", "has an empty segment; repeated slashes count as one, write one"),
            ("//*", "has an empty segment; repeated slashes count as one, write one"),
            ("/shop*", STAR),
            ("/*/a", STAR),
            ("/a*/b", STAR),
            ("/{}", "has `{}`, whose name must be letters, digits, `_` or `-`"),
            ("/{a*}", "has `{a*}`, whose name must be letters, digits, `_` or `-`"),
            ("/v{n}", "has `v{n}`, but `{name}` must be a whole segment; literal braces are `%7B` and `%7D`"),
            ("/{a}/b/{a}", "uses the name `{a}` twice"),
        ];
        for (path, why) in cases {
            assert_eq!(Pattern::parse(path).unwrap_err(), why, "{path}");
        }
        assert_eq!(Pattern::parse(&"/a".repeat(65)).unwrap_err(), "has more than 64 segments");
        let long = format!("/{}", "a".repeat(256));
        assert_eq!(Pattern::parse(&long).unwrap_err(), "has a segment of more than 255 bytes");
    }

    #[test]
    fn a_segment_is_decoded_up_to_the_longest_literal() {
        let decode = |text: &str| Segment { text }.decoded(|bytes| Some(bytes.to_vec()));
        assert_eq!(decode("a%2Fb%zz").unwrap(), b"a/b%zz");
        assert_eq!(decode(&"%61".repeat(255)).unwrap(), [b'a'; 255]);
        assert_eq!(decode(&"%61".repeat(256)), None);
    }
}
