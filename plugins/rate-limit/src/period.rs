use gatewright_sdk::prelude::*;

/// Nanoseconds in each unit.
const UNITS: [(&str, u64); 4] =
    [("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

/// The nanoseconds in a whole number and a unit.
pub(crate) fn parse(text: &str) -> Result<u64> {
    let nanos = UNITS.iter().find_map(|(unit, nanos)| {
        let number = text.strip_suffix(unit)?;
        let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| is_plain).and_then(|number: u64| number.checked_mul(*nanos))
    });
    match nanos {
        Some(nanos) if nanos > 0 => Ok(nanos),
        _ => Err(format!("per: `{text}` is not a duration such as `1s`, `500ms`, `1m` or `1h`").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_and_a_unit() {
        assert_eq!(parse("250ms").unwrap(), 250_000_000);
        assert_eq!(parse("1s").unwrap(), 1_000_000_000);
        assert_eq!(parse("2m").unwrap(), 120_000_000_000);
        assert_eq!(parse("1h").unwrap(), 3_600_000_000_000);
        for text in ["", "1", "s", "0s", "-1s", "+1s", "1.5s", "1 s", "1d", "99999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
