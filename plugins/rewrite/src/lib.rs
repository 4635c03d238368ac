//! A director that rewrites path, query and host of the outgoing request.

use std::collections::BTreeMap;

use gatewright_sdk::prelude::*;

mod path;
mod query;

/// How to rewrite the outgoing request.
#[config]
struct RewriteConfig {
    /// Leading segments of the path to remove; a path that does not begin with them stays as it is.
    strip_prefix: Option<String>,
    /// What to put before the path, after `strip_prefix`.
    add_prefix: Option<String>,
    /// The `Host` to send.
    host: Option<String>,
    /// Parameters of the query to set, by name.
    #[serde(default)]
    set_query: BTreeMap<String, String>,
}

#[derive(Debug)]
struct Rewrite {
    strip: String,
    add: String,
    host: Option<String>,
    query: Vec<query::Parameter>,
}

impl Plugin for Rewrite {
    type Config = RewriteConfig;

    fn load(config: RewriteConfig) -> Result<Self> {
        Ok(Self {
            strip: prefix("strip_prefix", config.strip_prefix)?,
            add: prefix("add_prefix", config.add_prefix)?,
            host: config.host.map(checked_host).transpose()?,
            query: config.set_query.iter().map(|(name, value)| query::Parameter::new(name, value)).collect(),
        })
    }
}

impl Director for Rewrite {
    fn direct(&self, request: &mut Request, _direction: &mut Direction) -> Result<()> {
        self.rewrite_path(request)?;
        self.rewrite_query(request)?;
        match &self.host {
            Some(host) => request.set_host(host),
            None => Ok(()),
        }
    }
}

impl Rewrite {
    fn rewrite_path(&self, request: &mut Request) -> Result<()> {
        if self.strip.is_empty() && self.add.is_empty() {
            return Ok(());
        }
        let path = request.path()?;
        request.set_path(&path::rewrite(&path, &self.strip, &self.add))
    }

    fn rewrite_query(&self, request: &mut Request) -> Result<()> {
        if self.query.is_empty() {
            return Ok(());
        }
        let query = request.query()?;
        request.set_query(&query::set(query.as_deref().unwrap_or_default(), &self.query))
    }
}

/// A prefix without the slashes at its end; empty where there is nothing to do.
fn prefix(key: &str, value: Option<String>) -> Result<String> {
    let Some(value) = value else { return Ok(String::new()) };
    let good = |byte: u8| byte.is_ascii_graphic() && byte != b'?' && byte != b'#';
    if !value.starts_with('/') || !value.bytes().all(good) {
        return Err(
            format!("{key}: `{value}` is not a path: it begins with `/`, escaped, without a query").into()
        );
    }
    Ok(value.trim_end_matches('/').to_owned())
}

fn checked_host(host: String) -> Result<String> {
    let good = |byte: u8| byte.is_ascii_graphic() && !b"/?#@".contains(&byte);
    if host.is_empty() || !host.bytes().all(good) {
        return Err(
            format!("host: `{host}` is not a host, such as `shop.internal` or `10.0.0.1:8080`").into()
        );
    }
    Ok(host)
}

plugin!(Rewrite: Director);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    fn load(config: gatewright_sdk::serde_json::Value) -> Result<Rewrite> {
        testing::load(config)
    }

    #[test]
    fn path_query_and_host_are_rewritten() {
        let rewrite = load(json!({
            "strip_prefix": "/shop",
            "add_prefix": "/api/",
            "host": "shop.internal:8080",
            "set_query": { "via": "gate way" },
        }))
        .unwrap();
        let outcome = testing::request("GET", "/shop/a%2Fb?x=%7e").run(&rewrite).unwrap();
        assert_eq!(outcome.path(), "/api/a%2Fb");
        assert_eq!(outcome.query(), Some("x=%7e&via=gate%20way"));
        assert_eq!(outcome.host(), "shop.internal:8080");
    }

    #[test]
    fn nothing_configured_changes_nothing() {
        let outcome = testing::request("GET", "/shop//a?x&&y=").run(&load(json!({})).unwrap()).unwrap();
        assert_eq!(outcome.path(), "/shop//a");
        assert_eq!(outcome.query(), Some("x&&y="));
        assert_eq!(outcome.host(), "gateway.test");
    }

    #[test]
    fn what_cannot_be_a_path_or_host_is_refused_at_load() {
        for (config, key) in [
            (json!({ "strip_prefix": "shop" }), "strip_prefix"),
            (json!({ "add_prefix": "/a b" }), "add_prefix"),
            (json!({ "add_prefix": "/a?b" }), "add_prefix"),
            (json!({ "host": "" }), "host"),
            (json!({ "host": "http://shop" }), "host"),
            (json!({ "prefix": "/shop" }), "config: unknown field `prefix`"),
        ] {
            let error = load(config).unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
