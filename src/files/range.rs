//! `Range` in the one form that `ServeDir` reads.

use http::HeaderValue;

/// What a client asks for of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From this byte to the end, or to that byte.
    From(u64, Option<u64>),
    /// This many at the end.
    Last(u64),
    /// No range that there could be.
    Invalid,
}

impl Range {
    /// Reads a field. `None` where it is to be ignored, and the answer is the whole file: another unit than bytes, or
    /// several ranges (RFC 9110, 14.2).
    pub(super) fn parse(field: &HeaderValue) -> Option<Self> {
        let (unit, set) = field.to_str().ok()?.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return None;
        }
        let Some((first, last)) = set.trim().split_once('-') else { return Some(Self::Invalid) };
        Some(match (number(first), number(last)) {
            (Some(first), None) if last.is_empty() => Self::From(first, None),
            (Some(first), Some(last)) if first <= last => Self::From(first, Some(last)),
            (None, Some(count)) if first.is_empty() => Self::Last(count),
            _ => Self::Invalid,
        })
    }

    /// As a field.
    pub(super) fn field(self) -> HeaderValue {
        let text = match self {
            Self::From(first, None) => format!("bytes={first}-"),
            Self::From(first, Some(last)) => format!("bytes={first}-{last}"),
            Self::Last(count) => format!("bytes=-{count}"),
            Self::Invalid => "bytes=".to_owned(),
        };
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("bytes="))
    }
}

/// Digits. A number that is larger than any file is as good as the largest.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &'static str) -> Option<Range> {
        Range::parse(&HeaderValue::from_static(text))
    }

    #[test]
    fn a_range_has_a_beginning_or_counts_from_the_end() {
        for (text, range, field) in [
            ("bytes=0-4", Range::From(0, Some(4)), "bytes=0-4"),
            ("Bytes=007-09", Range::From(7, Some(9)), "bytes=7-9"),
            ("bytes=5-", Range::From(5, None), "bytes=5-"),
            ("bytes=-3", Range::Last(3), "bytes=-3"),
            ("bytes=1-99999999999999999999", Range::From(1, Some(u64::MAX)), "bytes=1-18446744073709551615"),
        ] {
            assert_eq!(parsed(text), Some(range), "{text}");
            assert_eq!(range.field(), field);
        }
    }

    #[test]
    fn what_is_no_range_is_told_from_what_is_ignored() {
        for text in ["bytes=", "bytes=-", "bytes=a-b", "bytes=4-2", "bytes=+1-2", "bytes=1", "bytes=1-2-3"] {
            assert_eq!(parsed(text), Some(Range::Invalid), "{text}");
        }
        for text in ["items=0-4", "bytes=0-1,3-4", "bytes", ""] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
