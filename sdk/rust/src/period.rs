use std::borrow::Cow;
use std::ops::Deref;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use crate::{Error, Result};

/// A time in a configuration, as the gateway's own are written: a whole number above 0 and a unit, `"250ms"`, `"5s"`,
/// `"1m"` or `"1h"`. A [`Duration`] wherever one is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(Duration);

/// Milliseconds in each unit.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

impl Period {
    /// The time that `text` says; an error where it says none.
    pub fn parse(text: &str) -> Result<Self> {
        let millis = UNITS.iter().find_map(|(unit, millis)| {
            let number = text.strip_suffix(unit)?;
            let is_plain = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse().ok().filter(|_| is_plain).and_then(|number: u64| number.checked_mul(*millis))
        });
        match millis {
            Some(millis) if millis > 0 => Ok(Self(Duration::from_millis(millis))),
            _ => Err(Error::new(format_args!(
                "`{text}` is not a duration such as `250ms`, `5s`, `1m` or `1h`"
            ))),
        }
    }

    /// This many seconds: for defaults.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl Deref for Period {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for Period {
    fn schema_name() -> Cow<'static, str> {
        "Period".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_and_a_unit() {
        for (text, millis) in [("250ms", 250), ("1s", 1_000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(*Period::parse(text).unwrap(), Duration::from_millis(millis));
        }
        for text in ["", "1", "s", "0s", "-1s", "+1s", "1.5s", "1 s", "1d", "9999999999999999h"] {
            assert!(Period::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_period_in_a_configuration_is_named() {
        let error = serde_json::from_str::<Period>(r#""1d""#).unwrap_err();
        assert!(error.to_string().starts_with("`1d` is not a duration such as"), "{error}");
    }
}
