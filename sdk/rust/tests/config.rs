//! Configurations: what `#[config]` reads, refuses and describes.

use std::collections::BTreeMap;

use gatewright_sdk::prelude::*;
use gatewright_sdk::testing;

/// Limits by path.
#[config]
#[derive(Debug, PartialEq)]
struct Limits {
    /// The limits, by the beginning of a path.
    limits: BTreeMap<String, Limit>,
    #[serde(default = "per_minute", rename = "per")]
    unit: Unit,
    header: Option<HeaderName>,
}

#[config]
#[derive(Debug, PartialEq)]
struct Limit(u32);

#[config]
#[derive(Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Unit {
    Second,
    Minute,
}

fn per_minute() -> Unit {
    Unit::Minute
}

impl Middleware for Limits {}

plugin!(Limits: Middleware);

#[test]
fn a_configuration_is_read_into_its_types() {
    let limits: Limits =
        testing::load(json!({ "limits": { "/a": 5 }, "per": "second", "header": "X-User" })).unwrap();
    assert_eq!(limits.limits["/a"], Limit(5));
    assert_eq!(limits.unit, Unit::Second);
    assert_eq!(limits.header.as_deref(), Some("x-user"));
}

#[test]
fn mistakes_are_named() {
    for (config, message) in [
        (json!({}), "config: missing field `limits`"),
        (json!({ "limits": {}, "limit": 1 }), "config: unknown field `limit`, expected one of"),
        (json!({ "limits": { "/a": "5" } }), "config: invalid type: string \"5\", expected u32"),
        (
            json!({ "limits": {}, "per": "hour" }),
            "config: unknown variant `hour`, expected `second` or `minute`",
        ),
        (json!({ "limits": {}, "header": "x user" }), "config: `x user` is not the name of a header"),
    ] {
        let error = testing::load::<Limits>(config).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn the_schema_says_what_is_read() {
    let schema = testing::manifest::<Limits>().unwrap()["config"].take();
    assert_eq!(schema["description"], "Limits by path.");
    assert_eq!(schema["properties"]["limits"]["description"], "The limits, by the beginning of a path.");
    assert_eq!(schema["required"], json!(["limits"]));
    assert_eq!(schema["additionalProperties"], json!(false));
}

mod without_configuration {
    use super::*;

    #[config]
    #[derive(Debug)]
    struct Bare;

    impl ModifyResponse for Bare {
        fn modify_response(&self, _response: &mut Response) -> Result<()> {
            Ok(())
        }
    }

    plugin!(Bare: ModifyResponse);

    #[test]
    fn only_an_empty_table_is_read() {
        testing::load::<Bare>(json!({})).unwrap();
        let error = testing::load::<Bare>(json!({ "a": 1 })).unwrap_err().to_string();
        assert!(error.starts_with("config: unknown field `a`"), "{error}");
    }
}
