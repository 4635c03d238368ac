//! A middleware that lets in whoever has a valid JSON Web Token.

mod claims;
mod config;
mod jwk;
mod keys;
mod store;
mod token;

use std::collections::BTreeMap;
use std::time::Duration;

use gatewright_sdk::prelude::*;
use gatewright_sdk::serde_json::Value;

use claims::Rules;
use config::JwtConfig;
use keys::Keys;
use store::{Lookup, Store};
use token::Token;

/// A tick that has nothing to do comes seldom.
const IDLE: Duration = Duration::from_secs(24 * 3600);

struct Jwt {
    keys: Keys,
    store: Option<Store>,
    rules: Rules,
    header: HeaderName,
    is_optional: bool,
    forward: bool,
    realm: String,
    attributes: BTreeMap<String, String>,
    headers: BTreeMap<String, HeaderName>,
}

/// Why a request does not pass.
enum Refusal {
    /// It has no token.
    Missing,
    /// It has one that is not valid, for this reason.
    Invalid(&'static str),
    /// Whether it is valid cannot be told: there are no keys yet.
    NoKeys,
}

impl Plugin for Jwt {
    type Config = JwtConfig;

    fn load(config: JwtConfig) -> Result<Self> {
        config.check()?;
        Ok(Self {
            keys: config.inline_keys()?,
            rules: Rules {
                issuer: config.issuer,
                audience: config.audience,
                leeway: *config.leeway,
                require_expiry: config.require_expiry,
            },
            store: config.jwks.map(Store::new),
            header: config.header,
            is_optional: config.optional,
            forward: config.forward,
            realm: config.realm,
            attributes: config.attributes,
            headers: config.headers,
        })
    }
}

impl Middleware for Jwt {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        // What a client says under these names is nobody's word but its own.
        for name in self.headers.values() {
            request.headers_mut().remove(name)?;
        }
        match self.claims(request)? {
            Ok(claims) => self.let_in(request, &claims),
            Err(Refusal::Missing) if self.is_optional => Ok(Continue),
            Err(refusal) => self.refuse(&refusal),
        }
    }
}

impl Tick for Jwt {
    fn period(&self) -> Duration {
        self.store.as_ref().map_or(IDLE, Store::period)
    }

    fn on_tick(&self) -> Result<()> {
        self.store.as_ref().map_or(Ok(()), Store::refresh)
    }
}

impl Jwt {
    /// What the request's token says, if it can be believed.
    fn claims(&self, request: &Request) -> Result<Result<Value, Refusal>> {
        let given = request.headers().get_all(&self.header)?;
        let text = match &*given {
            [] => return Ok(Err(Refusal::Missing)),
            [value] => match bearer(value) {
                Some(text) => text,
                None => return Ok(Err(Refusal::Missing)),
            },
            _ => return Ok(Err(Refusal::Invalid("more than one token"))),
        };
        let token = match Token::parse(text) {
            Ok(token) => token,
            Err(why) => return Ok(Err(Refusal::Invalid(why))),
        };
        if let Err(refusal) = self.verify(&token)? {
            return Ok(Err(refusal));
        }
        Ok(token
            .claims()
            .and_then(|claims| self.rules.check(&claims, clock::now()).map(|()| claims))
            .map_err(Refusal::Invalid))
    }

    /// Whether a key that fits has signed it.
    fn verify(&self, token: &Token<'_>) -> Result<Result<(), Refusal>> {
        if self.keys.verify(token) {
            return Ok(Ok(()));
        }
        let Some(store) = &self.store else { return Ok(Err(Refusal::Invalid("not signed by a known key"))) };
        Ok(match store.verify(token)? {
            Lookup::Signed => Ok(()),
            Lookup::Unsigned => Err(Refusal::Invalid("not signed by a known key")),
            Lookup::NoKeys => Err(Refusal::NoKeys),
        })
    }

    fn let_in(&self, request: &mut Request, claims: &Value) -> Result<Flow> {
        for (claim, attribute) in &self.attributes {
            if let Some(value) = claims::text(claims, claim) {
                request.attributes().set(attribute, value)?;
            }
        }
        for (claim, name) in &self.headers {
            // A claim that no header can hold, such as one with a line break, is not passed on.
            if let Some(value) =
                claims::text(claims, claim).filter(|value| !value.chars().any(char::is_control))
            {
                request.headers_mut().set(name, value)?;
            }
        }
        if !self.forward {
            request.headers_mut().remove(&self.header)?;
        }
        Ok(Continue)
    }

    fn refuse(&self, refusal: &Refusal) -> Result<Flow> {
        let (status, why, challenge) = match refusal {
            Refusal::Missing => (401, "a token is required", format!("Bearer realm=\"{}\"", self.realm)),
            Refusal::Invalid(why) => {
                let problem = format!("error=\"invalid_token\", error_description=\"{why}\"");
                (401, *why, format!("Bearer realm=\"{}\", {problem}", self.realm))
            }
            Refusal::NoKeys => {
                let answer = Answer::json(503, &json!({ "error": "tokens cannot be checked now" }))?;
                return Ok(answer.header("retry-after", "1").into());
            }
        };
        let answer = Answer::json(status, &json!({ "error": why }))?;
        Ok(answer.header("www-authenticate", challenge).header("cache-control", "no-store").into())
    }
}

/// The token in a header: behind `Bearer`, or all of it.
fn bearer(value: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(value).ok()?.trim();
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim_start()),
        // Another scheme: `Basic` and the like are somebody else's.
        Some(_) => None,
        None => Some(value),
    }
}

plugin!(Jwt: Middleware, Tick);

#[cfg(test)]
mod tests;
