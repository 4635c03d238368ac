use std::time::Duration;

use gatewright_sdk::testing::{self, Reply, Sent, TestRequest};

use super::*;

fn forward_auth() -> ForwardAuth {
    testing::load(json!({
        "upstream": "auth",
        "path": "/check",
        "timeout": "200ms",
        "response_headers": ["X-User", "x-groups"],
        "attributes": { "user": "x-user" },
    }))
    .unwrap()
}

fn asked(reply: impl Fn(&Sent) -> Reply + 'static) -> TestRequest {
    testing::request("POST", "/shop/a?x=1").header("cookie", "session=1").upstream("auth", reply)
}

#[test]
fn the_service_is_told_of_the_request() {
    let outcome = asked(|_| Reply::status(204))
        .client_ip("192.0.2.7")
        .header("x-forwarded-for", "spoofed")
        .header("X-Forwarded-Method", "GET")
        .header("content-type", "text/plain")
        .header("content-length", "4")
        .header("cdn-loop", "gatewright")
        .header("if-none-match", "\"a\"")
        .body("body")
        .run(&forward_auth())
        .unwrap();
    assert!(outcome.answer().is_none());
    let [sent] = outcome.sent() else { panic!("asked {} times", outcome.sent().len()) };
    assert_eq!((sent.method(), sent.target(), sent.body()), ("GET", "/check", &b""[..]));
    assert_eq!(sent.timeout(), Some(Duration::from_millis(200)));
    for (name, value) in [
        ("x-forwarded-method", Some("POST")),
        ("x-forwarded-uri", Some("/shop/a?x=1")),
        ("x-forwarded-host", Some("gateway.test")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-for", Some("192.0.2.7")),
        ("cookie", Some("session=1")),
        ("content-type", None),
        ("content-length", None),
        ("cdn-loop", None),
        ("if-none-match", None),
        ("host", None),
    ] {
        assert_eq!(sent.header(name), value, "{name}");
    }
}

#[test]
fn only_the_named_headers_are_told_where_there_are_names() {
    let plugin: ForwardAuth =
        testing::load(json!({ "upstream": "auth", "request_headers": ["Authorization"] })).unwrap();
    let outcome = asked(|_| Reply::status(200)).header("authorization", "x").run(&plugin).unwrap();
    let sent = &outcome.sent()[0];
    assert_eq!((sent.header("authorization"), sent.header("cookie")), (Some("x"), None));
    assert_eq!(sent.header("x-forwarded-method"), Some("POST"));
}

#[test]
fn who_is_let_in_gets_what_the_service_says() {
    let outcome = asked(|_| Reply::status(200).header("x-user", "alice").header("x-else", "1"))
        .header("x-user", "mallory")
        .header("x-groups", "admins")
        .run(&forward_auth())
        .unwrap();
    assert_eq!(outcome.header_bytes("x-user"), [b"alice"]);
    assert_eq!(outcome.header("x-groups"), None, "what the client sent under that name");
    assert_eq!(outcome.header("x-else"), None);
    assert_eq!(outcome.attribute("user"), Some("alice"));
}

#[test]
fn who_is_refused_gets_the_services_response() {
    let reply = |_: &Sent| {
        Reply::status(302)
            .header("location", "https://login.test/")
            .header("set-cookie", "a=1")
            .header("set-cookie", "b=2")
            .header("connection", "close")
            .header("content-length", "5")
            .body("login")
    };
    let outcome = asked(reply).run(&forward_auth()).unwrap();
    let answer = outcome.answer().unwrap();
    assert_eq!((answer.status(), answer.text()), (302, Some("login")));
    assert_eq!(answer.header("location"), Some("https://login.test/"));
    assert_eq!(outcome.response_header_bytes("set-cookie"), [b"a=1", b"b=2"]);
    assert_eq!((answer.header("connection"), answer.header("content-length")), (None, None));
}

#[test]
fn nobody_passes_where_nobody_decides() {
    for why in [Code::Timeout, Code::Unreachable, Code::Limit, Code::Loop] {
        let outcome = asked(move |_| Reply::none(why)).run(&forward_auth()).unwrap();
        assert_eq!(outcome.answer().unwrap().status(), 503);
        assert_eq!(outcome.logs().len(), 1);
    }
    let slow = |_: &Sent| Reply::status(200).takes(Duration::from_secs(1));
    assert_eq!(asked(slow).run(&forward_auth()).unwrap().answer().unwrap().status(), 503);
}

#[test]
fn it_can_be_told_to_let_everybody_in_then() {
    let plugin: ForwardAuth = testing::load(json!({
        "upstream": "auth", "when_unavailable": "allow", "response_headers": ["x-user"],
    }))
    .unwrap();
    let outcome = asked(|_| Reply::none(Code::Unreachable)).header("x-user", "mallory").run(&plugin).unwrap();
    assert!(outcome.answer().is_none());
    assert_eq!(outcome.header("x-user"), None);
}

#[test]
fn a_mistake_lets_nobody_in() {
    let plugin: ForwardAuth =
        testing::load(json!({ "upstream": "other", "when_unavailable": "allow" })).unwrap();
    let error = asked(|_| Reply::status(200)).run(&plugin).unwrap_err();
    assert_eq!(error.to_string(), "request to upstream `other`: not allowed here");
}

#[test]
fn what_makes_no_sense_is_refused_at_load() {
    for (config, why) in [
        (json!({}), "config: missing field `upstream`"),
        (json!({ "upstream": "a", "path": "x" }), "path: `x` does not begin with `/`"),
        (
            json!({ "upstream": "a", "unavailable_status": 200 }),
            "unavailable_status: 200 is none of 400 to 599",
        ),
        (
            json!({ "upstream": "a", "response_headers": ["TE"] }),
            "response_headers: only the gateway sets `te`",
        ),
        (
            json!({ "upstream": "a", "timeout": "1d" }),
            "config: `1d` is not a duration such as `250ms`, `5s`, `1m` or `1h`",
        ),
    ] {
        assert_eq!(testing::load::<ForwardAuth>(config).err().unwrap().to_string(), why);
    }
}
