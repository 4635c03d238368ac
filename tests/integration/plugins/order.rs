//! The order in which plugins run, and what happens to the others where one fails.

use super::{attributes, echo, gateway_with};
use crate::support::{Backend, Gateway, Message, Request, hostile, module};

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

#[test]
fn a_phase_that_a_plugin_does_not_write_is_called_once() {
    let app = echo();
    let keys = r#"config = { keys = { k1 = "alice" } }"#;
    let gateway = gateway_with(&app, "api-key", keys, r#"middleware = ["api-key"]"#);
    for _ in 0..20 {
        assert_eq!(gateway.ask(Request::get("/").with("x-api-key", "k1")).status(), 200);
    }
    let metrics = gateway.metrics();
    let calls = |hook| metrics.value(&format!(r#"plugin_calls_total{{plugin="api-key",hook="{hook}"}}"#));
    assert_eq!(calls("on_request"), 20.0);
    assert!((1.0..=2.0).contains(&calls("on_response")), "once on each worker, not {}", calls("on_response"));
}

#[test]
fn only_a_phase_of_a_middleware_can_be_left_out() {
    let app = echo();
    let unused = |hook| module(&format!(r#"(func (export "gatewright_{hook}") (result i32) (i32.const 4))"#));
    let status = |hook, uses: &str| {
        let gateway = Gateway::with(
            r#"
            [upstream.app]
            endpoints = ["<app>"]
            [plugin.p]
            file = "p.wasm"
            [[route]]
            path = "/*"
            upstream = "app"
            <uses>
            "#,
        )
        .put("app", app.url())
        .put("uses", uses)
        .file("p.wasm", unused(hook))
        .start();
        [gateway.get("/").status(), gateway.get("/").status()]
    };
    assert_eq!(status("on_request", r#"middleware = ["p"]"#), [200, 200]);
    assert_eq!(status("on_response", r#"middleware = ["p"]"#), [200, 200]);
    assert_eq!(status("direct", r#"director = "p""#), [500, 500]);
    assert_eq!(status("modify_response", r#"modify_response = ["p"]"#), [500, 500]);
}
