//! A middleware that answers with a page while the site is worked on, and lets through whoever works on it.

mod network;

use gatewright_sdk::prelude::*;
use network::Network;

/// What is answered, and who passes all the same.
#[config]
struct MaintenanceConfig {
    /// Whether the site is worked on now. With `false` everybody passes.
    #[serde(default = "default_active")]
    active: bool,
    /// The status of the answer.
    #[serde(default = "default_status")]
    status: u16,
    /// When clients should come again; `retry-after` is left out where it is not given.
    retry_after: Option<Period>,
    /// The page, in HTML.
    #[serde(default = "default_page")]
    page: String,
    /// Paths that pass: `/healthz`, or with a `*` at the end whatever begins so.
    #[serde(default)]
    allow_paths: Vec<String>,
    /// Clients that pass: addresses, or networks such as `10.0.0.0/8`.
    #[serde(default)]
    allow_clients: Vec<String>,
    /// A header that lets pass whoever knows its value.
    bypass: Option<Bypass>,
}

/// A header and its secret value.
#[config]
struct Bypass {
    /// The header. It does not go on to the upstream.
    header: HeaderName,
    /// What it must say: 16 bytes or more.
    value: String,
}

fn default_active() -> bool {
    true
}

fn default_status() -> u16 {
    503
}

fn default_page() -> String {
    include_str!("page.html").to_owned()
}

struct Maintenance {
    active: bool,
    answer: Answer,
    paths: Vec<String>,
    clients: Vec<Network>,
    bypass: Option<Bypass>,
}

impl Plugin for Maintenance {
    type Config = MaintenanceConfig;

    fn load(config: MaintenanceConfig) -> Result<Self> {
        if !(400..=599).contains(&config.status) {
            return Err(format!("status: {} is none of 400 to 599", config.status).into());
        }
        if let Some(path) = config.allow_paths.iter().find(|path| !path.starts_with('/')) {
            return Err(format!("allow_paths: `{path}` does not begin with `/`").into());
        }
        if config.bypass.as_ref().is_some_and(|bypass| bypass.value.len() < 16) {
            return Err("bypass.value: fewer than 16 bytes are guessed too easily".into());
        }
        let clients = config.allow_clients.iter().map(|network| Network::parse(network));
        let mut answer = Answer::html(config.status, config.page).header("cache-control", "no-store");
        if let Some(again) = config.retry_after {
            answer = answer.header("retry-after", again.as_millis().div_ceil(1000).to_string());
        }
        Ok(Self {
            active: config.active,
            answer,
            paths: config.allow_paths,
            clients: clients.collect::<Result<_>>()?,
            bypass: config.bypass,
        })
    }
}

impl Middleware for Maintenance {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        if !self.active || self.knows_the_word(request)? || self.is_allowed(request)? {
            return Ok(Continue);
        }
        Ok(self.answer.clone().into())
    }
}

impl Maintenance {
    /// Whether the request has the bypass header, which is then taken off.
    fn knows_the_word(&self, request: &mut Request) -> Result<bool> {
        let Some(bypass) = &self.bypass else { return Ok(false) };
        let Some(given) = request.headers().get(&bypass.header)? else { return Ok(false) };
        request.headers_mut().remove(&bypass.header)?;
        Ok(is_same(&given, bypass.value.as_bytes()))
    }

    fn is_allowed(&self, request: &Request) -> Result<bool> {
        let path = request.path()?;
        let fits = |allowed: &String| match allowed.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => path == *allowed,
        };
        if self.paths.iter().any(fits) {
            return Ok(true);
        }
        let Ok(client) = request.client_ip()?.parse() else { return Ok(false) };
        Ok(self.clients.iter().any(|network| network.contains(client)))
    }
}

/// Compares in a time that does not tell how much of a secret was right.
fn is_same(given: &[u8], secret: &[u8]) -> bool {
    let differences = given.iter().zip(secret).fold(0, |differences, (a, b)| differences | (a ^ b));
    given.len() == secret.len() && differences == 0
}

plugin!(Maintenance: Middleware);

#[cfg(test)]
mod tests {
    use gatewright_sdk::testing;

    use super::*;

    fn maintenance() -> Maintenance {
        testing::load(json!({
            "retry_after": "90500ms",
            "page": "<p>back soon</p>",
            "allow_paths": ["/healthz", "/assets/*"],
            "allow_clients": ["10.1.0.0/16", "::1"],
            "bypass": { "header": "x-works-on-it", "value": "0123456789abcdef" },
        }))
        .unwrap()
    }

    #[test]
    fn everybody_gets_the_page() {
        let outcome = testing::request("GET", "/shop").run(&maintenance()).unwrap();
        let answer = outcome.answer().unwrap();
        assert_eq!((answer.status(), answer.text()), (503, Some("<p>back soon</p>")));
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(answer.header("retry-after"), Some("91"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }

    #[test]
    fn the_default_is_a_page_and_503() {
        let outcome =
            testing::request("GET", "/").run(&testing::load::<Maintenance>(json!({})).unwrap()).unwrap();
        let answer = outcome.answer().unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.text().unwrap().starts_with("<!doctype html>"));
        assert_eq!(answer.header("retry-after"), None);
    }

    #[test]
    fn some_paths_pass() {
        for (path, passes) in [
            ("/healthz", true),
            ("/healthz/x", false),
            ("/assets/a.css", true),
            ("/assetsx", false),
            ("/", false),
        ] {
            let outcome = testing::request("GET", path).run(&maintenance()).unwrap();
            assert_eq!(outcome.answer().is_none(), passes, "{path}");
        }
    }

    #[test]
    fn some_clients_pass() {
        for (client, passes) in
            [("10.1.2.3", true), ("10.2.2.3", false), ("::1", true), ("::ffff:10.1.2.3", true)]
        {
            let outcome = testing::request("GET", "/").client_ip(client).run(&maintenance()).unwrap();
            assert_eq!(outcome.answer().is_none(), passes, "{client}");
        }
    }

    #[test]
    fn who_knows_the_word_passes_and_the_upstream_does_not_learn_it() {
        let get = || testing::request("GET", "/");
        let outcome = get().header("X-Works-On-It", "0123456789abcdef").run(&maintenance()).unwrap();
        assert!(outcome.answer().is_none());
        assert_eq!(outcome.header("x-works-on-it"), None);
        for word in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"] {
            let outcome = get().header("x-works-on-it", word).run(&maintenance()).unwrap();
            assert!(outcome.answer().is_some(), "{word}");
        }
    }

    #[test]
    fn when_it_is_not_active_everybody_passes() {
        let idle: Maintenance = testing::load(json!({ "active": false })).unwrap();
        assert!(testing::request("GET", "/").run(&idle).unwrap().answer().is_none());
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_load() {
        for (config, why) in [
            (json!({ "status": 200 }), "status: 200 is none of 400 to 599"),
            (json!({ "allow_paths": ["x"] }), "allow_paths: `x` does not begin with `/`"),
            (
                json!({ "allow_clients": ["10.0.0.0/33"] }),
                "allow_clients: `10.0.0.0/33` is neither an address nor a network such as `10.0.0.0/8`",
            ),
            (
                json!({ "bypass": { "header": "x", "value": "short" } }),
                "bypass.value: fewer than 16 bytes are guessed too easily",
            ),
        ] {
            let error = testing::load::<Maintenance>(config).err().unwrap();
            assert_eq!(error.to_string(), why);
        }
    }
}
