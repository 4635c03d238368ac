use std::time::{Duration, SystemTime};

use gatewright_sdk::serde_json::Value;

/// What a token must say.
pub(crate) struct Rules {
    pub(crate) issuer: Option<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) leeway: Duration,
    pub(crate) require_expiry: bool,
}

impl Rules {
    /// Why `claims` are not to be believed at this time, if so.
    pub(crate) fn check(&self, claims: &Value, now: SystemTime) -> Result<(), &'static str> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        match time(claims, "exp")? {
            None if self.require_expiry => return Err("it does not expire"),
            Some(end) if now >= end + leeway => return Err("it has expired"),
            _ => {}
        }
        if time(claims, "nbf")?.is_some_and(|begin| now < begin - leeway) {
            return Err("it is not valid yet");
        }
        if self.issuer.is_some() && self.issuer.as_deref() != claims.get("iss").and_then(Value::as_str) {
            return Err("it is not of the issuer");
        }
        if !self.audience.is_empty() && !self.is_for_us(claims.get("aud")) {
            return Err("it is not for this audience");
        }
        Ok(())
    }

    fn is_for_us(&self, audience: Option<&Value>) -> bool {
        let is_us = |one: &Value| one.as_str().is_some_and(|one| self.audience.iter().any(|us| us == one));
        match audience {
            Some(Value::Array(all)) => all.iter().any(is_us),
            Some(one) => is_us(one),
            None => false,
        }
    }
}

/// Seconds since 1970, with or without a fraction.
fn time(claims: &Value, name: &str) -> Result<Option<f64>, &'static str> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(time)) => Ok(time.as_f64()),
        Some(_) => Err("a time in it is no number"),
    }
}

/// A claim as text: a string as it is, anything else as JSON. Dots lead into objects, where no claim has the whole name.
pub(crate) fn text(claims: &Value, name: &str) -> Option<String> {
    let whole = claims.get(name);
    let claim = whole.or_else(|| name.split('.').try_fold(claims, |value, part| value.get(part)));
    match claim? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use gatewright_sdk::prelude::*;

    use super::*;

    fn check(rules: &Rules, claims: &Value) -> Result<(), &'static str> {
        rules.check(claims, SystemTime::UNIX_EPOCH + Duration::from_secs(1000))
    }

    fn rules() -> Rules {
        Rules { issuer: None, audience: Vec::new(), leeway: Duration::from_secs(10), require_expiry: false }
    }

    #[test]
    fn times_are_checked_with_leeway() {
        for (claims, outcome) in [
            (json!({}), Ok(())),
            (json!({ "exp": 1000 }), Ok(())),
            (json!({ "exp": 990.5 }), Ok(())),
            (json!({ "exp": 990 }), Err("it has expired")),
            (json!({ "exp": -1e300 }), Err("it has expired")),
            (json!({ "exp": "2000" }), Err("a time in it is no number")),
            (json!({ "nbf": 1010 }), Ok(())),
            (json!({ "nbf": 1010.5 }), Err("it is not valid yet")),
            (json!({ "nbf": null }), Err("a time in it is no number")),
        ] {
            assert_eq!(check(&rules(), &claims), outcome, "{claims}");
        }
        let rules = Rules { require_expiry: true, ..rules() };
        assert_eq!(check(&rules, &json!({})), Err("it does not expire"));
    }

    #[test]
    fn issuer_and_audience_must_fit() {
        let rules = Rules {
            issuer: Some("us".to_owned()),
            audience: vec!["a".to_owned(), "b".to_owned()],
            ..rules()
        };
        for (claims, outcome) in [
            (json!({ "iss": "us", "aud": "b" }), Ok(())),
            (json!({ "iss": "us", "aud": ["x", "a"] }), Ok(())),
            (json!({ "aud": "b" }), Err("it is not of the issuer")),
            (json!({ "iss": ["us"], "aud": "b" }), Err("it is not of the issuer")),
            (json!({ "iss": "us" }), Err("it is not for this audience")),
            (json!({ "iss": "us", "aud": ["x", ["a"]] }), Err("it is not for this audience")),
        ] {
            assert_eq!(check(&rules, &claims), outcome, "{claims}");
        }
    }

    #[test]
    fn claims_become_text() {
        let claims = json!({ "sub": "alice", "n": 7, "list": ["a", 1], "realm": { "id": "r" }, "a.b": "dot", "no": null });
        for (name, expected) in [
            ("sub", Some("alice")),
            ("n", Some("7")),
            ("list", Some(r#"["a",1]"#)),
            ("realm.id", Some("r")),
            ("a.b", Some("dot")),
            ("no", None),
            ("realm.x", None),
        ] {
            assert_eq!(text(&claims, name).as_deref(), expected, "{name}");
        }
    }
}
