//! The small languages inside strings: durations, sizes, addresses, one word of a few.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::Problems;
use super::suggest::did_you_mean;
use super::value::{Value, text};

const DURATION: &str = "a duration such as \"250ms\"";
const DURATION_UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
/// No timeout is meant to be longer, and adding it to a clock can never overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

const SIZE: &str = "a size such as \"64KiB\"";
const SIZE_UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Reads a duration that may be nothing at all.
pub(super) fn duration(value: &Value<'_>, problems: &mut Problems) -> Option<Duration> {
    let help = "a whole number and a unit: \"250ms\", \"10s\", \"5m\", \"1h\"";
    let (number, unit) = quantity(value, DURATION, &DURATION_UNITS, help, problems)?;
    let duration = number.checked_mul(unit).map(Duration::from_millis).filter(|long| *long <= LONGEST);
    if duration.is_none() {
        value.mistake(problems, "too long").help("at most \"8760h\", a year");
    }
    duration
}

/// Reads a duration of at least a millisecond: waiting no time at all would fail everything.
pub(super) fn timeout(value: &Value<'_>, problems: &mut Problems) -> Option<Duration> {
    let duration = duration(value, problems)?;
    if duration.is_zero() {
        value.mistake(problems, "too short").help("at least \"1ms\"");
        return None;
    }
    Some(duration)
}

/// Reads a size within bounds; `bounds` says them the way the file would.
pub(super) fn size(
    range: RangeInclusive<u64>,
    bounds: &'static str,
) -> impl Fn(&Value<'_>, &mut Problems) -> Option<u64> {
    move |value, problems| {
        let help = "a whole number and a unit: \"512B\", \"64KiB\", \"16MiB\", \"1GiB\"";
        let (number, unit) = quantity(value, SIZE, &SIZE_UNITS, help, problems)?;
        let bytes = number.checked_mul(unit).filter(|bytes| range.contains(bytes));
        if bytes.is_none() {
            value
                .mistake(problems, format!("{:?} is out of bounds", value.node.as_str().unwrap_or_default()))
                .help(bounds);
        }
        bytes
    }
}

/// Splits `"250ms"` into 250 and the worth of `ms`.
fn quantity(
    value: &Value<'_>,
    wanted: &str,
    units: &[(&str, u64)],
    help: &str,
    problems: &mut Problems,
) -> Option<(u64, u64)> {
    let parsed = value.node.as_str().and_then(|text| split_quantity(text, units));
    if parsed.is_none() {
        value.expected(problems, wanted).help(help);
    }
    parsed
}

fn split_quantity(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, suffix) = text.split_at_checked(digits)?;
    let (_, unit) = units.iter().find(|(name, _)| *name == suffix)?;
    Some((number.parse().ok()?, *unit))
}

/// Reads the digest of a file.
pub(super) fn sha256(value: &Value<'_>, problems: &mut Problems) -> Option<[u8; 32]> {
    let wanted = "a SHA-256 digest of 64 hexadecimal digits";
    let written = text(value, wanted, problems)?;
    let digest = unhex(written);
    if digest.is_none() {
        let message = format!("expected {wanted}, found {}", miscount(written));
        value
            .mistake(problems, message)
            .help("`sha256sum FILE` and `gatewright plugin inspect FILE` print it");
    }
    digest
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(digest)
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// What a text has instead of 64 hexadecimal digits: a digest is too long to look it over.
fn miscount(text: &str) -> String {
    match text.chars().find(|c| !c.is_ascii_hexdigit()) {
        Some(stranger) => format!("one with {stranger:?}"),
        None => format!("{} digits", text.len()),
    }
}

/// What the path of a Unix socket may have; some systems have room for fewer.
const LONGEST_SOCKET: usize = 107;

/// Reads the path of a Unix socket, which is `written` in this value; a relative one is relative to the folder of the file.
pub(super) fn unix_path(
    written: &Path,
    value: &Value<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<PathBuf> {
    let path = folder.join(written);
    let text = written.as_os_str().as_encoded_bytes();
    let why = if text.is_empty() || text.contains(&0) {
        Some("a Unix socket has a path")
    } else if path.as_os_str().len() > LONGEST_SOCKET {
        Some("the path of a Unix socket has no more than 107 bytes, the folder of this file included")
    } else {
        None
    };
    match why {
        Some(why) => {
            value.mistake(problems, why).help("\"unix:/run/app.sock\"");
            None
        }
        None => Some(path),
    }
}

/// Reads an address to listen on.
pub(super) fn address(value: &Value<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    let wanted = "an address such as \"127.0.0.1:8080\"";
    let written = text(value, wanted, problems)?;
    let address = written.parse().ok();
    if address.is_none() {
        let help =
            "an IP address and a port: \"127.0.0.1:8080\", \"[::1]:8080\", \"0.0.0.0:8080\" for all IPv4";
        value.expected(problems, wanted).help(help);
    }
    address
}

/// Reads one word of a few.
pub(crate) fn choice<T: Copy + 'static>(
    options: &'static [(&'static str, T)],
) -> impl Fn(&Value<'_>, &mut Problems) -> Option<T> {
    move |value, problems| {
        let words = || options.iter().map(|(word, _)| *word);
        let list = words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let written = text(value, &format!("one of {list}"), problems)?;
        let chosen = options.iter().find(|(word, _)| *word == written);
        if chosen.is_none() {
            let help = format!("{}possible values: {list}", did_you_mean(written, words()));
            value.mistake(problems, format!("unknown value {written:?}")).help(help);
        }
        chosen.map(|(_, option)| *option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantity_is_digits_and_a_known_unit() {
        assert_eq!(split_quantity("250ms", &DURATION_UNITS), Some((250, 1)));
        assert_eq!(split_quantity("1h", &DURATION_UNITS), Some((1, 3_600_000)));
        assert_eq!(split_quantity("16MiB", &SIZE_UNITS), Some((16, 1 << 20)));
    }

    #[test]
    fn a_digest_is_64_hexadecimal_digits_in_either_case() {
        let digest = unhex(&"0aF0".repeat(16)).unwrap();
        assert_eq!(digest[..2], [0x0a, 0xf0]);
        for text in ["", "0a", &"0".repeat(63), &"0".repeat(65), &"0g".repeat(32), &"ü".repeat(32)] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_quantity() {
        for text in ["", "s", "10", "-1s", "1.5s", "1 s", "1S", "99999999999999999999s", "1sec"] {
            assert_eq!(split_quantity(text, &DURATION_UNITS), None, "{text}");
        }
    }
}
