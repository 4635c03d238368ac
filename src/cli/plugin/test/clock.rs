use std::time::Duration;

use toml::de::DeValue;

use crate::config::{Problems, Value};

/// A time for the plugin's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Since 1970.
    At(Duration),
    /// Later than in the step before.
    Later(Duration),
}

impl Clock {
    pub(super) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let written = match value.node {
            DeValue::Datetime(time) => time.to_string(),
            _ => value.node.as_str().unwrap_or_default().to_owned(),
        };
        let time = match written.strip_prefix('+') {
            Some(later) => span_of(later).map(Self::Later),
            None => since_1970(&written).map(Self::At),
        };
        if time.is_none() {
            value
                .expected(problems, "a time such as \"2026-01-01T00:00:00Z\"")
                .help("in UTC, after 1970; or \"+250ms\", \"+10s\", \"+5m\", \"+1h\" after the step before");
        }
        time
    }
}

fn span_of(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
}

/// The time since 1970 of `2026-01-01T00:00:00Z`; fractions of a second may follow the seconds.
fn since_1970(text: &str) -> Option<Duration> {
    let (date, time) = text.strip_suffix('Z')?.split_once(['T', ' '])?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time, ':')?;
    if !(1970..=2261).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 || fraction.len() > 9 {
        return None;
    }
    let nanos = format!("{fraction:0<9}").parse().ok()?;
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Duration::new(seconds, nanos))
}

fn three(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// Days from 1970 to a date of the Gregorian calendar. The year is taken to begin in March: then the leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    // The 1st of March of the year 0 is 719 468 days before 1970.
    365 * year + leaps + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(since_1970("1970-01-01T00:00:00Z"), Some(Duration::ZERO));
        assert_eq!(since_1970("2026-01-01T00:00:00Z"), Some(Duration::from_secs(1_767_225_600)));
        assert_eq!(since_1970("2024-02-29T12:30:15.25Z"), Some(Duration::from_millis(1_709_209_815_250)));
        for text in ["", "2026-01-01", "2026-01-01T00:00:00", "1969-01-01T00:00:00Z", "2026-13-01T00:00:00Z"]
        {
            assert_eq!(since_1970(text), None, "{text}");
        }
    }

    #[test]
    fn a_span_is_a_whole_number_and_a_unit() {
        assert_eq!(span_of("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(span_of("1h"), Some(Duration::from_secs(3600)));
        for text in ["", "s", "5", "1.5s", "1d", "-1s"] {
            assert_eq!(span_of(text), None, "{text}");
        }
    }
}
