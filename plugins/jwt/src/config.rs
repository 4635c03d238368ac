use std::collections::BTreeMap;

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::Value;

use crate::jwk;
use crate::keys::Keys;

/// Which tokens are believed, and what becomes of what they say.
#[config]
pub(crate) struct JwtConfig {
    /// Keys, as JSON Web Keys: `kty` is `oct` (for HS256), `RSA` (RS256) or `EC` with `crv` `P-256` (ES256).
    #[serde(default)]
    pub(crate) keys: Vec<Value>,
    /// Where keys are to be had.
    pub(crate) jwks: Option<JwksConfig>,
    /// What `iss` must be.
    pub(crate) issuer: Option<String>,
    /// What `aud` must be, or have among others: one of these.
    #[serde(default)]
    pub(crate) audience: Vec<String>,
    /// How far clocks may be apart.
    #[serde(default = "default_leeway")]
    pub(crate) leeway: Period,
    /// Whether tokens that do not expire are refused.
    #[serde(default = "default_true")]
    pub(crate) require_expiry: bool,
    /// The header with the token, behind `Bearer` or alone.
    #[serde(default = "default_header")]
    pub(crate) header: HeaderName,
    /// Whether requests without a token pass. A token that is not valid never does.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether the token goes on to the upstream.
    #[serde(default = "default_true")]
    pub(crate) forward: bool,
    /// The realm of the challenge.
    #[serde(default = "default_realm")]
    pub(crate) realm: String,
    /// Claims, and the attribute of the exchange that each becomes.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    /// Claims, and the header of the request that each becomes.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, HeaderName>,
}

/// A JSON Web Key Set of somebody else's.
#[config]
pub(crate) struct JwksConfig {
    /// The upstream that has it; `allow` must grant it.
    pub(crate) upstream: String,
    /// Its path.
    #[serde(default = "default_path")]
    pub(crate) path: String,
    /// How often it is fetched.
    #[serde(default = "default_refresh")]
    pub(crate) refresh: Period,
    /// How long it is not fetched again where tokens name a key that it has not.
    #[serde(default = "default_cooldown")]
    pub(crate) cooldown: Period,
    /// How long that may take.
    #[serde(default = "default_timeout")]
    pub(crate) timeout: Period,
}

fn default_leeway() -> Period {
    Period::from_secs(30)
}

fn default_true() -> bool {
    true
}

fn default_header() -> HeaderName {
    HeaderName::from_static("authorization")
}

fn default_realm() -> String {
    "gateway".to_owned()
}

fn default_path() -> String {
    "/.well-known/jwks.json".to_owned()
}

fn default_refresh() -> Period {
    Period::from_secs(300)
}

fn default_cooldown() -> Period {
    Period::from_secs(30)
}

fn default_timeout() -> Period {
    Period::from_secs(2)
}

impl JwtConfig {
    /// What the types cannot say.
    pub(crate) fn check(&self) -> Result<()> {
        if self.keys.is_empty() && self.jwks.is_none() {
            return Err("keys, jwks: without either nobody could get in".into());
        }
        if self.realm.contains(['"', '\\']) || self.realm.chars().any(char::is_control) {
            return Err("realm: no quotes, backslashes or control characters".into());
        }
        if let Some(name) = self.headers.values().find(|name| name.is_reserved()) {
            return Err(format!("headers: only the gateway sets `{name}`").into());
        }
        if self.headers.values().any(|name| *name == self.header) {
            return Err(format!("headers: `{}` has the token", self.header).into());
        }
        if self.jwks.as_ref().is_some_and(|jwks| !jwks.path.starts_with('/')) {
            return Err("jwks.path: does not begin with `/`".into());
        }
        Ok(())
    }

    /// The keys that the configuration has itself.
    pub(crate) fn inline_keys(&self) -> Result<Keys> {
        let key = |(index, key)| {
            jwk::parse(key).map_err(|error: Error| error.context(format_args!("keys[{index}]")))
        };
        Ok(Keys::new(self.keys.iter().enumerate().map(key).collect::<Result<_>>()?))
    }
}
