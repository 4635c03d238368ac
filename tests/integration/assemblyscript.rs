//! The example plugins that are written in AssemblyScript, through the gateway.

use crate::support::{Backend, Gateway, Message, Reply, Request, eventually};

#[track_caller]
fn gateway_with(app: &Backend, plugins: &str, uses: &str) -> Gateway {
    setup(app, plugins, uses).start()
}

fn setup(app: &Backend, plugins: &str, uses: &str) -> crate::support::Setup {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.cors]
        file = "<plugins>/cors.wasm"
        config = { origins = ["https://app.example.com", "http://localhost:*"], methods = ["GET", "PUT"], headers = ["x-token"], credentials = true }
        [plugin.security-headers]
        file = "<plugins>/security-headers.wasm"
        [plugin.api-key]
        file = "<plugins>/api-key.wasm"
        config = { keys = { k1 = "alice" } }
        <others>
        [[route]]
        path = "/*"
        upstream = "app"
        <uses>
        "#,
    )
    .put("app", app.url())
    .put("others", plugins)
    .put("uses", uses)
}

const APP: &str = "https://app.example.com";
const CORS: &str = r#"middleware = ["cors"]"#;
const SECURITY_HEADERS: &str = r#"modify_response = ["security-headers"]"#;

fn app() -> Backend {
    Backend::answering(|request| {
        Reply::ok(request.target()).with("Vary", "Accept-Encoding").with("Access-Control-Allow-Origin", "*")
    })
}

fn preflight(origin: &str) -> Request {
    Request::new("OPTIONS", "/").with("Origin", origin).with("Access-Control-Request-Method", "PUT")
}

fn refusal(plugins: &str) -> String {
    let outcome = setup(&app(), plugins, r#"middleware = ["other"]"#).check();
    assert!(!outcome.is_ok(), "{}", outcome.text);
    outcome.text
}

#[test]
fn cors_answers_a_preflight_itself() {
    let app = app();
    let gateway = gateway_with(&app, "", CORS);
    let mut client = gateway.connect();
    let response = client.ask(preflight(APP).with("Access-Control-Request-Headers", "x-token"));
    assert_eq!(response.status(), 204);
    assert_eq!(response.all("access-control-allow-origin"), [APP]);
    assert_eq!(response.all("access-control-allow-methods"), ["GET, PUT"]);
    assert_eq!(response.all("access-control-allow-headers"), ["x-token"]);
    assert_eq!(response.all("access-control-allow-credentials"), ["true"]);
    assert_eq!(response.all("access-control-max-age"), ["600"]);
    assert_eq!(
        response.all("vary"),
        ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"]
    );
    let response = client.ask(preflight("https://evil.example"));
    assert_eq!((response.status(), response.has("access-control-allow-origin")), (204, false));
    assert!(app.requests().is_empty(), "nothing reached the upstream");
    let response = client.ask(Request::new("OPTIONS", "/real").with("Origin", APP));
    assert_eq!(response.text(), "/real", "OPTIONS that is no preflight goes on");
}

#[test]
fn cors_tells_who_may_read_a_response() {
    let app = app();
    let gateway = gateway_with(&app, "", CORS);
    let by = |origin| -> Message { gateway.ask(Request::get("/").with("Origin", origin)) };
    for origin in [APP, "http://localhost:3000"] {
        let response = by(origin);
        assert_eq!(response.all("access-control-allow-origin"), [origin]);
        assert_eq!(response.all("vary"), ["Accept-Encoding", "Origin"]);
    }
    for response in [by("https://evil.example"), by("null"), gateway.get("/")] {
        assert_eq!(response.status(), 200);
        assert!(!response.has("access-control-allow-origin"), "the upstream's own does not count");
        assert_eq!(response.all("vary"), ["Accept-Encoding", "Origin"]);
    }
}

#[test]
fn cors_lets_browsers_read_what_a_plugin_further_inside_answers() {
    let app = app();
    let gateway = gateway_with(&app, "", r#"middleware = ["cors", "api-key"]"#);
    assert_eq!(gateway.ask(preflight(APP)).status(), 204, "preflights have no key");
    let response = gateway.ask(Request::get("/").with("Origin", APP));
    assert_eq!(response.status(), 401);
    assert_eq!(response.all("access-control-allow-origin"), [APP]);
}

#[test]
fn cors_keeps_its_exchange_out_of_others() {
    let app = app();
    let gateway = gateway_with(&app, "", CORS);
    let mut client = gateway.connect();
    for turn in 0..500 {
        let origin = format!("http://localhost:{turn}");
        let response = client.ask(Request::get("/").with("Origin", &origin));
        assert_eq!(response.all("access-control-allow-origin"), [origin.as_str()]);
        assert!(!client.ask(Request::get("/")).has("access-control-allow-origin"));
    }
}

#[test]
fn security_headers_are_set_unless_put_off() {
    let app = Backend::answering(|_| Reply::ok("").with("X-Frame-Options", "SAMEORIGIN"));
    let gateway = gateway_with(&app, "", SECURITY_HEADERS);
    let response = gateway.get("/");
    assert_eq!(response.all("strict-transport-security"), ["max-age=31536000; includeSubDomains"]);
    assert_eq!(response.all("x-content-type-options"), ["nosniff"]);
    assert_eq!(response.all("referrer-policy"), ["strict-origin-when-cross-origin"]);
    assert_eq!(response.all("x-frame-options"), ["DENY"]);
    assert!(response.has("content-security-policy") && response.has("permissions-policy"));

    let gateway = gateway_with(
        &app,
        r#"
        [plugin.other]
        file = "<plugins>/security-headers.wasm"
        config = { hsts = { max_age = 60, include_subdomains = false }, csp = false, referrer_policy = "no-referrer", keep = true }
        "#,
        r#"modify_response = ["other"]"#,
    );
    let response = gateway.get("/");
    assert_eq!(response.all("strict-transport-security"), ["max-age=60"]);
    assert!(!response.has("content-security-policy"));
    assert_eq!(response.all("referrer-policy"), ["no-referrer"]);
    assert_eq!(response.all("x-frame-options"), ["SAMEORIGIN"]);
}

#[test]
fn a_configuration_is_checked_against_the_schema_and_by_the_plugin() {
    let text = refusal(
        r#"
        [plugin.other]
        file = "<plugins>/cors.wasm"
        config = { origins = ["https://a.example"], orgins = [] }
        "#,
    );
    assert!(text.contains("orgins"), "{text}");
    let text = refusal(
        r#"
        [plugin.other]
        file = "<plugins>/cors.wasm"
        config = { origins = ["*", "example.com"], credentials = true }
        "#,
    );
    assert!(text.contains("origins[1]") && text.contains("`credentials` would let every site"), "{text}");
}

#[test]
fn a_role_that_a_module_does_not_have_is_refused() {
    let outcome = setup(&app(), "", r#"director = "cors""#).check();
    assert!(!outcome.is_ok() && outcome.text.contains("director"), "{}", outcome.text);
}

#[test]
fn an_assemblyscript_plugin_is_replaced_under_load() {
    let app = app();
    let plugin = |csp: &str| {
        format!("[plugin.other]\nfile = \"<plugins>/security-headers.wasm\"\nconfig = {{ csp = \"{csp}\" }}")
    };
    let mut gateway = gateway_with(&app, &plugin("one"), r#"modify_response = ["other"]"#);
    assert_eq!(gateway.get("/").all("content-security-policy"), ["one"]);
    gateway.put("others", plugin("two"));
    gateway.configure_again();
    assert!(gateway.sighup());
    assert_eq!(gateway.get("/").all("content-security-policy"), ["two"]);
    eventually("the old snapshot goes", || gateway.snapshots() == 1);
}

// The SDK itself: its own guest does what the request's `x-do` asks for. What the guest sees and changes is told by
// sdk/assemblyscript/tests, against a stub; here the same calls meet the gateway.

const GUEST: &str = r#"
[plugin.guest]
file = "<plugins>/tests/assemblyscript.wasm"
config = { greeting = "hé", table = { number = 1.5 }, list = [{ n = 2 }], words = ["a", "b"], flag = true }
[upstream.next]
endpoints = ["http://127.0.0.1:1", "<next>"]
"#;

fn guest(app: &Backend) -> Gateway {
    guest_between(app, app)
}

fn guest_between(app: &Backend, next: &Backend) -> Gateway {
    let uses = r#"
        middleware = ["guest"]
        director = "guest"
        modify_response = ["guest"]
    "#;
    setup(app, &GUEST.replace("<next>", &next.url()), uses).start()
}

fn doing(what: &str) -> Request {
    Request::get("/a?x=1").with("x-do", what)
}

#[test]
fn every_call_of_the_sdk_is_one_of_the_gateways() {
    let app = app();
    let gateway = guest(&app);
    let headers =
        doing("headers").with("X-Many", "1").with("x-many", "2").with("x-gone", "").with("x-bytes", "é");
    let response = gateway.ask(headers);
    assert_eq!(response.all("x-greeting"), ["hé 3.5 a,b true"]);
    assert_eq!(response.all("x-status"), ["200 /a"]);
    let received = app.received();
    assert_eq!(received.all("x-many"), ["1", "2", "é😀"]);
    assert_eq!(received.all("x-set"), ["1|2"]);
    assert_eq!(received.all("x-removed"), ["yes"]);
    assert_eq!(received.all("x-copy"), ["é", "é"]);

    gateway.ask(doing("parts"));
    let received = app.received();
    assert_eq!((received.target(), received.get("host")), ("/b?y=2", Some("other.test")));
    assert_eq!(received.all("x-parts"), ["GET /a x=1 gateway.test"]);
    assert!(received.get("x-facts").unwrap().starts_with("127.0.0.1 http HTTP/1.1 /* "));
    gateway.ask(doing("no-query"));
    assert_eq!(app.received().target(), "/a");

    assert_eq!(gateway.ask(doing("log")).status(), 200);
    gateway.log().wait_for("the guest's line", |line| line.to_string().contains("\"i\""));
    assert!(gateway.ask(doing("clock")).get("x-took").unwrap().parse::<u32>().is_ok());

    let long = "x".repeat(20_000);
    gateway.ask(doing("long").with("x-in", &long).with("x-small", "s"));
    assert_eq!(app.received().get("x-long").map(str::len), Some(20_001));
}

#[test]
fn an_answer_and_the_choices_of_a_director_are_taken() {
    let (app, next) = (Backend::named("app"), Backend::named("next"));
    let gateway = guest_between(&app, &next);
    let response = gateway.ask(doing("answer"));
    assert_eq!((response.status(), response.get("x-a")), (418, Some("1")));
    let moved = gateway.ask(doing("redirect"));
    assert_eq!((moved.status(), moved.get("location")), (308, Some("/new")));
    let nowhere = gateway.ask(Request::get("/").with("x-direct", "answer"));
    assert_eq!((nowhere.status(), nowhere.text().as_str()), (404, "nowhere"));
    assert!(app.requests().is_empty());
    for _ in 0..4 {
        let chosen = Request::get("/").with("x-direct", "text").with("x-endpoint", &next.url());
        assert_eq!(gateway.ask(chosen).text(), "next", "and never the endpoint where nobody is");
    }
}

#[test]
fn failures_and_traps_are_told_with_their_reason() {
    let app = app();
    let gateway = guest(&app);
    for (what, reason) in [
        ("fail", "no such user"),
        ("refused", "set request header `te`: not allowed here"),
        ("refused-and-answered", "set request header `te`: not allowed here"),
        ("bad-answer", "answer with `99`: not a valid name, value or number"),
        ("throw", "thrown, at tests/guest.ts:"),
        ("bounds", "Index out of range, at ~lib/array.ts:"),
    ] {
        let mark = gateway.log().mark();
        assert_eq!(gateway.ask(doing(what)).status(), 500, "{what}");
        gateway.log().wait_after(mark, reason, |line| line.to_string().contains(reason));
    }
    assert!(app.requests().is_empty());
    assert_eq!(gateway.get("/after").status(), 200);
}
