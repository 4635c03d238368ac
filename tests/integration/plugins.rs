//! The example plugins through the gateway, and the order in which plugins run.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Backend, Gateway, Message, Reply, Request, hostile, module};

/// A gateway in front of `app` with one plugin.
#[track_caller]
fn gateway_with(app: &Backend, name: &str, plugin: &str, uses: &str) -> Gateway {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.<name>]
        file = "<plugins>/<name>.wasm"
        <plugin>
        [[route]]
        path = "/*"
        upstream = "app"
        <uses>
        "#,
    )
    .put("app", app.url())
    .put("name", name)
    .put("plugin", plugin)
    .put("uses", uses)
    .start()
}

fn echo() -> Backend {
    Backend::answering(|request| Reply::ok(request.target()).with("server", "echo").with("x-app", "1"))
}

#[test]
fn rewrite_changes_path_query_and_host() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "rewrite",
        r#"config = { strip_prefix = "/shop", add_prefix = "/v1", host = "shop.internal", set_query = { source = "gateway", a = "2" } }"#,
        r#"director = "rewrite""#,
    );
    for (target, expected) in
        [("/shop/cart%2Fx?a=1&b=%20", "/v1/cart%2Fx"), ("/shop", "/v1/"), ("/shopping", "/v1/shopping")]
    {
        gateway.get(target);
        let received = app.received();
        let (path, query) = received.target().split_once('?').unwrap();
        assert_eq!(path.trim_end_matches('/'), expected.trim_end_matches('/'), "{target}");
        let parameters: BTreeSet<_> = query.split('&').collect();
        assert!(parameters.contains("source=gateway") && parameters.contains("a=2"), "{query}");
        assert!(!parameters.contains("a=1"), "{query}");
        assert_eq!(parameters.contains("b=%20"), target.contains("b=%20"), "{query}");
        assert_eq!(received.all("host"), ["shop.internal"]);
        assert_eq!(received.get("x-forwarded-host"), Some("gateway.test"));
    }
}

#[test]
fn a_directors_host_counts_more_than_the_upstreams() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        host = "from.upstream"
        [plugin.rewrite]
        file = "<plugins>/rewrite.wasm"
        config = { host = "from.director" }
        [[route]]
        path = "/*"
        upstream = "app"
        director = "rewrite"
        "#,
    )
    .put("app", app.url())
    .start();
    gateway.get("/");
    assert_eq!(app.received().all("host"), ["from.director"]);
}

const CANARY: &str = r#"
[upstream.current]
endpoints = ["<current>"]
[upstream.next]
endpoints = ["<next>"]
[plugin.canary]
file = "<plugins>/canary.wasm"
config = { header = "x-canary", upstream = "next", percent = <percent>, key_header = "x-user" }
[[route]]
path = "/*"
upstream = "current"
director = "canary"
"#;

#[test]
fn canary_sends_who_asks_for_it_to_the_other_upstream() {
    let (current, next) = (Backend::named("current"), Backend::named("next"));
    let gateway =
        Gateway::with(CANARY).put("current", current.url()).put("next", next.url()).put("percent", 0).start();
    assert_eq!(gateway.get("/").text(), "current");
    assert_eq!(gateway.ask(Request::get("/canary").with("X-Canary", "0")).text(), "next");
    assert_eq!(gateway.log().access("/canary")["upstream"], "next");
}

#[test]
fn canary_sends_a_stable_part_of_the_clients_to_the_other_upstream() {
    let (current, next) = (Backend::named("current"), Backend::named("next"));
    let gateway = Gateway::with(CANARY)
        .put("current", current.url())
        .put("next", next.url())
        .put("percent", 25)
        .start();
    let mut client = gateway.connect();
    let mut ask = |user: u32| client.ask(Request::get("/").with("x-user", &format!("user-{user}"))).text();
    let first: Vec<_> = (0..400).map(&mut ask).collect();
    let again: Vec<_> = (0..400).map(&mut ask).collect();
    assert_eq!(first, again, "the same clients each time");
    let share = first.iter().filter(|upstream| *upstream == "next").count();
    assert!((60..=140).contains(&share), "{share} of 400 clients at 25 percent");
    // Without the key header it is by the client's address, which is always the same here.
    let mut client = gateway.connect();
    let by_address: BTreeSet<_> = (0..20).map(|_| client.ask(Request::get("/")).text()).collect();
    assert_eq!(by_address.len(), 1);
}

#[test]
fn api_key_lets_in_who_has_a_key_and_says_who_it_is() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "api-key",
        r#"config = { header = "x-api-key", keys = { k1 = "alice", k2 = "bob" } }"#,
        r#"middleware = ["api-key"]"#,
    );
    for (request, why) in [
        (Request::get("/none"), "an API key is required"),
        (Request::get("/wrong").with("x-api-key", "k3"), "the API key is not known"),
    ] {
        let response = gateway.ask(request);
        assert_eq!(response.status(), 401);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["error"], why);
        assert!(response.get("content-type").unwrap().starts_with("application/json"));
        assert!(response.has("www-authenticate"));
    }
    assert!(app.requests().is_empty(), "nothing reached the upstream");
    let refused = gateway.log().access("/none");
    assert_eq!((&refused["status"], &refused["attempts"]), (&401.into(), &0.into()));
    let response = gateway.ask(Request::get("/alice").with("X-Api-Key", "k1"));
    assert_eq!(response.status(), 200);
    let line = gateway.log().access("/alice");
    assert!(attributes(&line).contains("alice"), "{line}");
}

fn attributes(line: &Value) -> String {
    line["attributes"].to_string()
}

#[test]
fn an_answer_to_head_has_no_body() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "api-key",
        r#"config = { keys = { k1 = "alice" } }"#,
        r#"middleware = ["api-key"]"#,
    );
    let mut client = gateway.connect();
    let response = client.ask(Request::new("HEAD", "/"));
    assert_eq!(response.status(), 401);
    assert_ne!(response.get("content-length"), Some("0"));
    let response = client.ask(Request::get("/ok").with("x-api-key", "k1"));
    assert_eq!(response.text(), "/ok", "the connection is still in step");
}

#[test]
fn an_answer_before_the_body_was_read_leaves_the_connection_usable_or_closed() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "api-key",
        r#"config = { keys = { k1 = "alice" } }"#,
        r#"middleware = ["api-key"]"#,
    );
    let mut client = gateway.connect();
    let refused =
        client.ask(Request::post("/", "GET /smuggled HTTP/1.1\r\nHost: a\r\nx-api-key: k1\r\n\r\n"));
    assert_eq!(refused.status(), 401);
    if let Ok(next) = client.try_ask(&Request::get("/next").with("x-api-key", "k1")) {
        assert_eq!(next.text(), "/next", "the body was taken for a request");
    }
    assert!(app.requests().iter().all(|request| request.target() != "/smuggled"));
}

#[test]
fn request_id_goes_upstream_back_and_into_the_log() {
    let app = echo();
    let gateway = gateway_with(&app, "request-id", "", r#"middleware = ["request-id"]"#);
    let response = gateway.ask(Request::get("/theirs").with("X-Request-Id", "client-1"));
    assert_eq!(app.received().all("x-request-id"), ["client-1"]);
    assert_eq!(response.all("x-request-id"), ["client-1"]);
    assert!(attributes(&gateway.log().access("/theirs")).contains("client-1"));

    let response = gateway.get("/ours");
    let id = response.get("x-request-id").unwrap();
    assert_eq!(app.received().all("x-request-id"), [id]);
    let line = gateway.log().access("/ours");
    assert!(attributes(&line).contains(id), "{line}");
    assert_eq!(line["request_id"], id, "it is the gateway's own");

    let insane = "x".repeat(1000);
    let response = gateway.ask(Request::get("/insane").with("X-Request-Id", &insane));
    assert_ne!(response.get("x-request-id"), Some(insane.as_str()));
    assert_eq!(app.received().all("x-request-id"), response.all("x-request-id"));
}

#[test]
fn server_timing_adds_what_the_gateway_measured() {
    let app = Backend::answering(|_| Reply::ok("").with("Server-Timing", "db;dur=5"));
    let gateway = gateway_with(&app, "server-timing", "", r#"middleware = ["server-timing"]"#);
    let response = gateway.get("/");
    let timings = response.all("server-timing");
    assert_eq!(timings.len(), 2, "{timings:?}");
    assert!(timings.contains(&"db;dur=5"), "what the upstream measured stays");
    let ours = timings.iter().find_map(|timing| timing.strip_prefix("gateway;dur=")).unwrap();
    assert!(ours.parse::<f64>().is_ok(), "{ours}");
}

#[test]
fn stamp_sets_and_removes_headers_of_the_response() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "stamp",
        r#"config = { set = { "x-served-by" = "gatewright", "x-app" = "replaced" }, remove = ["server"] }"#,
        r#"modify_response = ["stamp"]"#,
    );
    let response = gateway.get("/");
    assert_eq!(response.all("x-served-by"), ["gatewright"]);
    assert_eq!(response.all("x-app"), ["replaced"]);
    assert!(!response.has("server"));
}

#[test]
fn header_logic_copies_and_sets() {
    let app = echo();
    let gateway = gateway_with(&app, "header-logic", "", r#"middleware = ["header-logic"]"#);
    let response = gateway.ask(Request::get("/").with("X-User", "alice").with("X-Gw-User", "forged"));
    assert_eq!(response.get("x-gw-resp"), Some("1"));
    let received = app.received();
    assert_eq!(received.all("x-gw-user"), ["alice"]);
    assert_eq!(received.get("x-gw"), Some("bench"));
    gateway.get("/");
    assert!(!app.received().has("x-gw-user"));
}

// Order and failure.

/// A middleware that adds `name` to `x-request-way` of the request and to `x-response-way` of the response. With
/// `x-answer: NAME` the request asks for its answer.
fn marker(name: &str) -> Vec<u8> {
    assert_eq!(name.len(), 1);
    module(&format!(
        r#"
        (data (i32.const 1024) "x-request-way")
        (data (i32.const 1040) "x-response-way")
        (data (i32.const 1060) "x-answer")
        (data (i32.const 1080) "{name}")
        (func (export "gatewright_on_request") (result i32)
          (drop (call $head_add (i32.const 0) (i32.const 1024) (i32.const 13) (i32.const 1080) (i32.const 1)))
          (i32.store8 (i32.const 1100) (i32.const 0))
          (drop (call $head_get (i32.const 0) (i32.const 1060) (i32.const 8) (i32.const 0) (i32.const 1100) (i32.const 8)))
          (if (i32.ne (i32.load8_u (i32.const 1100)) (i32.load8_u (i32.const 1080))) (then (return (i32.const 0))))
          (drop (call $answer (i32.const 203) (i32.const 0) (i32.const 0) (i32.const 1080) (i32.const 1)))
          (i32.const 1))
        (func (export "gatewright_on_response") (result i32)
          (drop (call $head_add (i32.const 1) (i32.const 1040) (i32.const 14) (i32.const 1080) (i32.const 1)))
          (i32.const 0))
        (func (export "gatewright_modify_response") (result i32)
          (drop (call $head_add (i32.const 1) (i32.const 1040) (i32.const 14) (i32.const 1080) (i32.const 1)))
          (i32.const 0))
        "#
    ))
}

const ONION: &str = r#"
[upstream.app]
endpoints = ["<app>"]
[plugin.a]
file = "a.wasm"
[plugin.b]
file = "b.wasm"
[plugin.c]
file = "c.wasm"
[plugin.x]
file = "x.wasm"
[plugin.y]
file = "y.wasm"
[[route]]
path = "/*"
upstream = "app"
middleware = ["a", "b", "c"]
modify_response = ["x", "y"]
"#;

fn onion(app: &Backend) -> Gateway {
    let setup = Gateway::with(ONION).put("app", app.url());
    ["a", "b", "c", "x", "y"]
        .iter()
        .fold(setup, |setup, name| setup.file(&format!("{name}.wasm"), marker(name)))
        .start()
}

#[test]
fn middleware_is_an_onion_around_modify_response() {
    let app = echo();
    let gateway = onion(&app);
    let response = gateway.get("/");
    assert_eq!(app.received().all("x-request-way"), ["a", "b", "c"], "outermost first");
    assert_eq!(response.all("x-response-way"), ["x", "y", "c", "b", "a"], "innermost first");
}

#[test]
fn an_answer_of_the_inner_one_goes_back_through_those_that_were_entered() {
    let app = echo();
    let gateway = onion(&app);
    let by = |name| -> Message { gateway.ask(Request::get("/").with("x-answer", name)) };
    for (name, outer) in [("a", &[][..]), ("b", &["a"]), ("c", &["b", "a"])] {
        let response = by(name);
        assert_eq!((response.status(), response.text().as_str()), (203, name));
        let way = response.all("x-response-way");
        let way: Vec<_> = way.into_iter().filter(|passed| *passed != name).collect();
        assert_eq!(way, outer, "answered by {name}");
    }
    assert!(app.requests().is_empty());
}

#[test]
fn the_response_phase_runs_on_an_error_too() {
    let app = Backend::scripted(|connection| drop(connection.request()));
    let gateway = onion(&app);
    let response = gateway.get("/");
    assert_eq!(response.status(), 502);
    assert_eq!(response.all("x-response-way"), ["c", "b", "a"], "modify-response has no response to modify");
}

/// Changes whatever it can in its hook, and then traps.
const HALF_DONE: &str = r#"
(data (i32.const 1024) "x-half")
(data (i32.const 1040) "/half")
(data (i32.const 1050) "half.test")
(data (i32.const 1060) "x-user")
(func $misbehave (result i32)
  (drop (call $head_add (i32.const 0) (i32.const 1024) (i32.const 6) (i32.const 1024) (i32.const 6)))
  (drop (call $head_remove (i32.const 0) (i32.const 1060) (i32.const 6)))
  (drop (call $head_add (i32.const 1) (i32.const 1024) (i32.const 6) (i32.const 1024) (i32.const 6)))
  (drop (call $set_part (i32.const 1) (i32.const 1040) (i32.const 5)))
  (drop (call $set_part (i32.const 3) (i32.const 1050) (i32.const 9)))
  (drop (call $set_part (i32.const 16) (i32.const 1024) (i32.const 6)))
  (drop (call $set_part (i32.const 17) (i32.const 1024) (i32.const 6)))
  (drop (call $set_status (i32.const 418)))
  (drop (call $attribute_set (i32.const 1024) (i32.const 6) (i32.const 1024) (i32.const 6)))
  (drop (call $answer (i32.const 203) (i32.const 0) (i32.const 0) (i32.const 1024) (i32.const 6)))
  unreachable)
"#;

const SKIPPED: &str = r#"
[upstream.app]
endpoints = ["<app>"]
host = "from.upstream"
[plugin.half]
file = "half.wasm"
on_error = "skip"
[[route]]
path = "/skipped/*"
upstream = "app"
director = "half"
middleware = ["half"]
modify_response = ["half"]
[[route]]
path = "/strict/*"
upstream = "app"
director = { plugin = "half", on_error = "fail" }
middleware = [{ plugin = "half", on_error = "fail" }]
modify_response = [{ plugin = "half", on_error = "fail" }]
"#;

fn half_done(app: &Backend) -> Gateway {
    let hooks =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/guests/hooks.wat")).unwrap();
    Gateway::with(SKIPPED).put("app", app.url()).file("half.wasm", module(&(hooks + HALF_DONE))).start()
}

#[test]
fn a_skipped_plugin_leaves_nothing_half_done() {
    let app = echo();
    let gateway = half_done(&app);
    for letter in ["r", "d", "m", "s"] {
        let target = format!("/skipped/{letter}");
        let response = gateway.ask(Request::get(&target).with("x-evil", letter).with("x-user", "alice"));
        assert_eq!((response.status(), response.text()), (200, target.clone()), "{letter}");
        assert!(!response.has("x-half"), "{response:?}");
        let received = app.received();
        assert!(!received.has("x-half"), "{received:?}");
        assert_eq!(received.get("x-user"), Some("alice"));
        assert_eq!(received.all("host"), ["from.upstream"]);
        let line = gateway.log().access(&target);
        assert!(!attributes(&line).contains("x-half"), "{line}");
        let skipped = gateway.log().wait_for("it is in the log", |logged| {
            logged["request_id"] == line["request_id"] && logged["kind"] == "trap"
        });
        assert_eq!(skipped["level"], "WARN", "{skipped}");
    }
}

#[test]
fn a_skipped_plugin_uses_up_nothing_that_others_need() {
    let greedy = module(
        r#"
        (data (i32.const 1024) "greedy")
        (func (export "gatewright_on_request") (result i32)
          (loop $more
            (br_if $more
              (i32.eqz (call $attribute_set (i32.const 1024) (i32.const 6) (i32.const 2048) (i32.const 1)))))
          unreachable)
        "#,
    );
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.greedy]
        file = "greedy.wasm"
        on_error = "skip"
        limits = { time = "30s" }
        [plugin.header-logic]
        file = "<plugins>/header-logic.wasm"
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["greedy", "header-logic"]
        "#,
    )
    .put("app", app.url())
    .file("greedy.wasm", greedy)
    .start();
    let response = gateway.get("/");
    assert_eq!((response.status(), response.get("x-gw-resp")), (200, Some("1")));
}

#[test]
fn a_route_can_be_stricter_than_the_plugin() {
    let app = echo();
    let gateway = half_done(&app);
    for letter in ["r", "d", "m", "s"] {
        let response = gateway.ask(Request::get(&format!("/strict/{letter}")).with("x-evil", letter));
        assert_eq!(response.status(), 500, "{letter}");
    }
}

#[test]
fn a_route_can_be_more_lenient_than_the_plugin() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.evil]
        file = "evil.wasm"
        [[route]]
        path = "/lenient/*"
        upstream = "app"
        middleware = [{ plugin = "evil", on_error = "skip" }]
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["evil"]
        "#,
    )
    .put("app", app.url())
    .file("evil.wasm", hostile("traps"))
    .start();
    assert_eq!(gateway.ask(Request::get("/lenient/x").with("x-evil", "r")).status(), 200);
    assert_eq!(gateway.ask(Request::get("/strict").with("x-evil", "r")).status(), 500);
}

#[test]
fn a_plugin_that_fails_in_the_response_phase_leaves_those_further_out_their_say() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.a]
        file = "a.wasm"
        [plugin.evil]
        file = "evil.wasm"
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["a", "evil"]
        "#,
    )
    .put("app", app.url())
    .file("a.wasm", marker("a"))
    .file("evil.wasm", hostile("traps"))
    .start();
    for letter in ["r", "s"] {
        let response = gateway.ask(Request::get("/").with("x-evil", letter));
        assert_eq!((response.status(), response.all("x-response-way")), (500, vec!["a"]), "{letter}");
    }
}

#[test]
fn two_uses_of_one_module_have_their_own_configurations() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.one]
        file = "<plugins>/stamp.wasm"
        config = { set = { x-one = "1", x-both = "one" } }
        [plugin.two]
        file = "<plugins>/stamp.wasm"
        config = { set = { x-two = "2", x-both = "two" } }
        [[route]]
        path = "/*"
        upstream = "app"
        modify_response = ["one", "two"]
        "#,
    )
    .put("app", app.url())
    .start();
    let response = gateway.get("/");
    assert_eq!(response.get("x-one"), Some("1"));
    assert_eq!(response.get("x-two"), Some("2"));
    assert_eq!(response.all("x-both"), ["two"], "in the order of the configuration");
}
