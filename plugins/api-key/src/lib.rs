//! A middleware that lets in whoever has a known key, and tells the rest of the exchange whose it is.

use std::collections::HashMap;

use gatewright_sdk::prelude::*;

/// Where the key is, and which there are.
#[config]
struct ApiKeyConfig {
    /// The header that carries the key.
    #[serde(default = "default_header")]
    header: HeaderName,
    /// The owner of each key.
    keys: HashMap<String, String>,
}

fn default_header() -> HeaderName {
    HeaderName::from_static("x-api-key")
}

struct ApiKey {
    header: HeaderName,
    challenge: String,
    /// A map with hashes: how long a look-up takes says nothing of how much of a key was right.
    owners: HashMap<String, String>,
}

impl Plugin for ApiKey {
    type Config = ApiKeyConfig;

    fn load(config: ApiKeyConfig) -> Result<Self> {
        if config.keys.contains_key("") {
            return Err("keys: an empty key would let everybody in who sends an empty header".into());
        }
        let challenge = format!("ApiKey header=\"{}\"", config.header);
        Ok(Self { challenge, header: config.header, owners: config.keys })
    }
}

impl Middleware for ApiKey {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        let Some(key) = request.headers().get(&self.header)? else {
            return self.refuse("an API key is required");
        };
        // Neither the log nor the answer repeats a key: a wrong one is often a right one mistyped.
        match str::from_utf8(&key).ok().and_then(|key| self.owners.get(key)) {
            Some(owner) => request.attributes().set("user", owner).map(|()| Continue),
            None => self.refuse("the API key is not known"),
        }
    }
}

impl ApiKey {
    fn refuse(&self, why: &str) -> Result<Flow> {
        let answer = Answer::json(401, &json!({ "error": why }))?;
        Ok(answer.header("www-authenticate", &self.challenge).header("cache-control", "no-store").into())
    }
}

plugin!(ApiKey: Middleware);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    fn api_key() -> ApiKey {
        testing::load(json!({ "keys": { "k1": "alice", "k2": "bob" } })).unwrap()
    }

    #[test]
    fn a_known_key_passes_and_names_its_owner() {
        let outcome =
            testing::request("GET", "/shop/a?x=1").header("X-API-Key", "k2").run(&api_key()).unwrap();
        assert!(outcome.answer().is_none());
        assert_eq!(outcome.attribute("user"), Some("bob"));
    }

    #[test]
    fn without_a_key_the_answer_is_401_in_json() {
        let outcome = testing::request("GET", "/").run(&api_key()).unwrap();
        let answer = outcome.answer().unwrap();
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("www-authenticate"), Some("ApiKey header=\"x-api-key\""));
        assert_eq!(answer.text(), Some(r#"{"error":"an API key is required"}"#));
        assert_eq!(outcome.attribute("user"), None);
    }

    #[test]
    fn an_unknown_key_is_refused_and_repeated_nowhere() {
        for key in [&b"k3"[..], b"", b"k1 ", b"K1", b"\xff"] {
            let outcome = testing::request("GET", "/").header("x-api-key", key).run(&api_key()).unwrap();
            let answer = outcome.answer().unwrap();
            assert_eq!(answer.text(), Some(r#"{"error":"the API key is not known"}"#));
            assert!(outcome.logs().is_empty());
        }
    }

    #[test]
    fn the_header_can_be_another() {
        let plugin: ApiKey =
            testing::load(json!({ "header": "X-Token", "keys": { "k1": "alice" } })).unwrap();
        let outcome = testing::request("GET", "/").header("x-token", "k1").run(&plugin).unwrap();
        assert_eq!(outcome.attribute("user"), Some("alice"));
        let outcome = testing::request("GET", "/").header("x-api-key", "k1").run(&plugin).unwrap();
        assert_eq!(outcome.status(), 401);
    }

    #[test]
    fn an_empty_key_or_a_wrong_header_is_refused_at_load() {
        for config in [json!({ "keys": { "": "eve" } }), json!({ "header": "x key", "keys": {} }), json!({})]
        {
            assert!(testing::load::<ApiKey>(config).is_err());
        }
    }
}
