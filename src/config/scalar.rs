//! The small languages inside strings: durations, sizes, addresses, one word of a few.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
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
pub(super) fn choice<T: Copy + 'static>(
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
    fn anything_else_is_no_quantity() {
        for text in ["", "s", "10", "-1s", "1.5s", "1 s", "1S", "99999999999999999999s", "1sec"] {
            assert_eq!(split_quantity(text, &DURATION_UNITS), None, "{text}");
        }
    }
}
