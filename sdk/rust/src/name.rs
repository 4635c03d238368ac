use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Error, Result};

/// The name of a header in a configuration: checked when the plugin is loaded, in lower case, and a `str` wherever one
/// is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct HeaderName(Box<str>);

impl HeaderName {
    /// The name `name`; an error where it is not one.
    pub fn parse(name: &str) -> Result<Self> {
        if is_token(name.as_bytes()) {
            Ok(Self(name.to_ascii_lowercase().into()))
        } else {
            Err(Error::new(format_args!("`{name}` is not the name of a header")))
        }
    }

    /// A name that the source code writes, such as a default. It is not checked here: where it is not a name, the
    /// gateway refuses what is done with it.
    #[must_use]
    pub fn from_static(name: &'static str) -> Self {
        Self(name.to_ascii_lowercase().into())
    }

    /// Whether only the gateway sets this header: see [`HeadersMut`](crate::HeadersMut).
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        is_reserved(self)
    }
}

/// Fields that frame a message, concern a single connection or count the gateways on the way: the gateway's alone.
pub(crate) fn is_reserved(name: &str) -> bool {
    matches!(
        name,
        "cdn-loop"
            | "connection"
            | "content-length"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// A token of RFC 9110: what methods and the names of fields are made of.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

impl Deref for HeaderName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for HeaderName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for HeaderName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for HeaderName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl JsonSchema for HeaderName {
    fn schema_name() -> Cow<'static, str> {
        "HeaderName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_token_and_becomes_lower_case() {
        assert_eq!(&*HeaderName::parse("X-User").unwrap(), "x-user");
        for name in ["", "x user", "x:", "é", "x\n"] {
            assert!(HeaderName::parse(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_wrong_name_in_a_configuration_is_named() {
        let error = serde_json::from_str::<HeaderName>(r#""x user""#).unwrap_err();
        assert!(error.to_string().starts_with("`x user` is not the name of a header"), "{error}");
    }
}
