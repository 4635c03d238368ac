//! Every SDK language does the same: the table in `sdk/conformance/cases.toml`, with the guest of each.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::support::{
    Backend, Connection, Gateway, Message, Outcome, Refusing, Reply, Request, Setup, eventually,
};

const TABLE: &str = include_str!("../../sdk/conformance/cases.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<Case>,
}

/// A row; the table says what each key means.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "get")]
    send: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    size: Option<usize>,
    #[serde(default = "ok")]
    status: u16,
    text: Option<String>,
    #[serde(default)]
    response: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    upstream: Upstream,
    #[serde(default)]
    log: Vec<String>,
}

/// What the upstream received.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Upstream {
    #[default]
    Whatever,
    Nothing(bool),
    Request(BTreeMap<String, Vec<String>>),
}

fn get() -> String {
    "GET /".to_owned()
}

fn ok() -> u16 {
    200
}

/// The upstreams that the table tells of.
struct Upstreams {
    app: Backend,
    next: Backend,
    auth: Backend,
    down: Refusing,
}

impl Upstreams {
    fn new() -> Self {
        Self {
            app: Backend::answering(app),
            next: Backend::named("next"),
            auth: Backend::scripted(authorize),
            down: Refusing::new(),
        }
    }
}

fn app(request: &Message) -> Reply {
    let reply = match request.target() {
        "/full" => Reply::ok("x".repeat(64 * 1024)),
        "/large" => Reply::ok("x".repeat(64 * 1024 + 1)),
        _ => Reply::ok("app"),
    };
    reply.with("x-gone", "1")
}

fn authorize(connection: &mut Connection) {
    while let Some(request) = connection.request() {
        let reply = match request.target().split('?').next().unwrap() {
            "/check" => checked_by_auth(&request),
            "/large" => Reply::ok("x".repeat(64 * 1024 + 1)),
            // Until the gateway has had enough of it.
            "/slow" => return drop(connection.request()),
            _ => Reply::status(404),
        };
        if connection.try_send(reply.bytes(&request)).is_err() {
            return;
        }
    }
}

fn checked_by_auth(request: &Message) -> Reply {
    let a = request.get("x-a").unwrap_or("none");
    let body = format!("{} {} {a} {}", request.method(), request.target(), request.text());
    Reply::ok(body).with("x-user", "alice").with("x-many", "1").with("x-many", "2")
}

/// A gateway with a language's guest in all of its roles, and its upstreams.
struct Stage {
    gateway: Gateway,
    upstreams: Upstreams,
}

const CONFIG: &str = r#"
[plugin.guest]
file = "<plugins>/tests/conformance-<language>.wasm"
config = <config>
allow = ["kv", "http:auth", "http:down"]
instance = "<instance>"
limits = { time = "100ms", body = "64KiB", http_body = "64KiB" }
[upstream.app]
endpoints = ["<app>"]
[upstream.next]
endpoints = ["<next>"]
[upstream.auth]
endpoints = ["<auth>"]
[upstream.down]
endpoints = ["<down>"]
[[route]]
path = "/*"
upstream = "app"
middleware = ["guest"]
director = "guest"
modify_response = ["guest"]
"#;

const WORD: &str = r#"{ word = "wörd" }"#;

fn setup(language: &str, instance: &str, config: &str, upstreams: &Upstreams) -> Setup {
    let Upstreams { app, next, auth, down } = upstreams;
    let setup =
        Gateway::with(CONFIG).put("language", language).put("instance", instance).put("config", config);
    setup.put("app", app.url()).put("next", next.url()).put("auth", auth.url()).put("down", down.url())
}

impl Stage {
    fn with(language: &str, instance: &str) -> Self {
        let upstreams = Upstreams::new();
        Self { gateway: setup(language, instance, WORD, &upstreams).start(), upstreams }
    }

    /// What is not as the table says.
    fn play(&self, case: &Case) -> Vec<String> {
        let (method, target) = case.send.split_once(' ').unwrap();
        let request = match (&case.body, case.size) {
            (Some(body), _) => Request::post(target, body.as_bytes()),
            (None, Some(size)) => Request::post(target, vec![b'x'; size]),
            (None, None) => Request::new(method, target),
        };
        let request = request.with("x-case", &case.name);
        let request = case.headers.iter().fold(request, |request, (name, value)| request.with(name, value));
        let (mark, received) = (self.gateway.log().mark(), self.upstreams.app.requests().len());
        let response = self.gateway.ask(request);
        let mut wrong = differences(case, &response);
        wrong.extend(self.differences_upstream(case, received));
        for words in &case.log {
            // Fails by itself where there is no such line.
            self.gateway.log().wait_after(mark, words, |line| line.to_string().contains(words));
        }
        wrong
    }

    fn differences_upstream(&self, case: &Case, before: usize) -> Vec<String> {
        let received = self.upstreams.app.requests().split_off(before);
        match (&case.upstream, received.as_slice()) {
            (Upstream::Whatever, _) | (Upstream::Nothing(false), []) => Vec::new(),
            (Upstream::Request(wanted), [request]) => {
                let differs = |(name, values): (&String, &Vec<String>)| {
                    let seen = match name.as_str() {
                        ":line" => vec![format!("{} {}", request.method(), request.target())],
                        ":body" => vec![request.text()],
                        _ => owned(request, name),
                    };
                    (seen != *values).then(|| format!("upstream {name}: {seen:?}, not {values:?}"))
                };
                wanted.iter().filter_map(differs).collect()
            }
            (_, requests) => vec![format!("the upstream received {} requests", requests.len())],
        }
    }
}

fn differences(case: &Case, response: &Message) -> Vec<String> {
    let mut wrong = Vec::new();
    if response.status() != case.status {
        wrong.push(format!("status {}, not {}: {}", response.status(), case.status, response.text()));
    }
    if let Some(text) = &case.text
        && response.text() != *text
    {
        wrong.push(format!("{:?}, not {text:?}", response.text()));
    }
    let differs = |(name, values): (&String, &Vec<String>)| {
        let seen = owned(response, name);
        (seen != *values).then(|| format!("{name}: {seen:?}, not {values:?}"))
    };
    wrong.extend(case.response.iter().filter_map(differs));
    wrong
}

fn owned(message: &Message, name: &str) -> Vec<String> {
    message.all(name).into_iter().map(str::to_owned).collect()
}

/// Plays all cases, and tells of all that went wrong at once.
#[track_caller]
fn conforms(language: &str, instance: &str) {
    let table: Table = toml::from_str(TABLE).unwrap();
    let stage = Stage::with(language, instance);
    let wrong: Vec<String> = table
        .case
        .iter()
        .flat_map(|case| stage.play(case).into_iter().map(|what| format!("{}: {what}", case.name)))
        .collect();
    assert!(wrong.is_empty(), "{language} {instance}:\n{}", wrong.join("\n"));
    ticks(&stage);
    let metrics = stage.gateway.admin(Request::get("/metrics")).text();
    let counted = "gatewright_guest_conformance_total{plugin=\"guest\",by=\"table\"} 2\n";
    assert!(metrics.contains(counted), "{metrics}");
}

/// That the guest has ticked once the gateway serves.
#[track_caller]
fn ticks(stage: &Stage) {
    let ticked = || stage.gateway.ask(Request::get("/").with("x-case", "kv-ticked"));
    eventually("the guest has ticked", || ticked().text() == "yes");
}

#[test]
fn rust_conforms() {
    conforms("rust", "reuse");
}

#[test]
fn assemblyscript_conforms() {
    conforms("assemblyscript", "reuse");
}

#[test]
fn rust_conforms_with_fresh_instances() {
    conforms("rust", "fresh");
}

#[test]
fn assemblyscript_conforms_with_fresh_instances() {
    conforms("assemblyscript", "fresh");
}

/// What `check` says of the guest with this configuration.
fn checked(language: &str, config: &str) -> Outcome {
    setup(language, "reuse", config, &Upstreams::new()).check()
}

#[test]
fn what_comes_too_early_is_refused_in_every_language() {
    for language in ["rust", "assemblyscript"] {
        for (config, words) in [
            (r#"{ early = "kv" }"#, "not allowed here"),
            (r#"{ early = "http" }"#, "not allowed here"),
            (r#"{ early = "refuse" }"#, "is too early"),
            ("{ period = 99 }", "not a valid name, value or number"),
            ("{ word = 1 }", "word"),
            ("{ wrod = \"\" }", "wrod"),
        ] {
            let outcome = checked(language, config);
            assert!(
                !outcome.is_ok() && outcome.text.contains(words),
                "{language} {config}: {}",
                outcome.text
            );
        }
        assert!(checked(language, "{}").is_ok());
    }
}
