//! Sets and removes headers of the upstream's response.

use std::collections::BTreeMap;

use gatewright_sdk::prelude::*;

/// What to do to the response's headers. Headers are removed first.
#[config]
struct StampConfig {
    /// Headers to set, in place of those of the same name.
    #[serde(default)]
    set: BTreeMap<HeaderName, String>,
    /// Headers to remove.
    #[serde(default)]
    remove: Vec<HeaderName>,
}

struct Stamp {
    set: BTreeMap<HeaderName, String>,
    remove: Vec<HeaderName>,
}

impl Plugin for Stamp {
    type Config = StampConfig;

    fn load(StampConfig { set, remove }: StampConfig) -> Result<Self> {
        if let Some(name) = set.keys().chain(&remove).find(|name| name.is_reserved()) {
            return Err(format!("`{name}`: only the gateway sets this header").into());
        }
        if let Some((name, value)) = set.iter().find(|(_, value)| !is_value(value)) {
            return Err(format!("set: `{name}`: {value:?} has characters that a header cannot have").into());
        }
        Ok(Self { set, remove })
    }
}

impl ModifyResponse for Stamp {
    fn modify_response(&self, response: &mut Response) -> Result<()> {
        let mut headers = response.headers_mut();
        for name in &self.remove {
            headers.remove(name)?;
        }
        for (name, value) in &self.set {
            headers.set(name, value)?;
        }
        Ok(())
    }
}

fn is_value(text: &str) -> bool {
    text.bytes().all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

plugin!(Stamp: ModifyResponse);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    #[test]
    fn headers_are_set_and_removed() {
        let stamp: Stamp =
            testing::load(json!({ "set": { "X-Served-By": "gatewright" }, "remove": ["Server", "x-none"] }))
                .unwrap();
        let request = testing::request("GET", "/")
            .upstream_header("server", "nginx")
            .upstream_header("x-served-by", "a")
            .upstream_header("x-served-by", "b")
            .upstream_header("etag", "1");
        let outcome = request.run(&stamp).unwrap();
        assert_eq!(outcome.response_header("server"), None);
        assert_eq!(outcome.response_header_bytes("x-served-by"), [b"gatewright"]);
        assert_eq!(outcome.response_header("etag"), Some("1"));
    }

    #[test]
    fn a_header_that_is_both_removed_and_set_is_set() {
        let stamp: Stamp = testing::load(json!({ "set": { "server": "gw" }, "remove": ["server"] })).unwrap();
        let outcome = testing::request("GET", "/").upstream_header("server", "nginx").run(&stamp).unwrap();
        assert_eq!(outcome.response_header("server"), Some("gw"));
    }

    #[test]
    fn what_the_gateway_would_refuse_is_refused_at_load() {
        for config in [
            json!({ "set": { "x y": "1" } }),
            json!({ "set": { "x": "a\r\nset-cookie: b" } }),
            json!({ "set": { "Content-Length": "1" } }),
            json!({ "remove": ["transfer-encoding"] }),
            json!({ "remove": "server" }),
            json!({ "add": { "x": "1" } }),
        ] {
            assert!(testing::load::<Stamp>(config.clone()).is_err(), "{config}");
        }
    }
}
