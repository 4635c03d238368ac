//! Who may pass.

use serde_json::Value;

use super::{attributes, echo, gateway_with};
use crate::support::Request;

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
fn maintenance_keeps_out_who_does_not_work_on_it() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "maintenance",
        r#"config = { retry_after = "10m", allow_paths = ["/healthz"], bypass = { header = "x-works", value = "0123456789abcdef" } }"#,
        r#"middleware = ["maintenance"]"#,
    );
    let response = gateway.get("/shop");
    assert_eq!((response.status(), response.get("retry-after")), (503, Some("600")));
    assert_eq!(response.get("content-type"), Some("text/html; charset=utf-8"));
    assert!(response.text().starts_with("<!doctype html>"));
    assert!(app.requests().is_empty(), "nothing reached the upstream");
    assert_eq!(gateway.get("/healthz").text(), "/healthz");
    assert_eq!(gateway.ask(Request::get("/a").with("X-Works", "0123456789abcdef")).text(), "/a");
    assert!(!app.received().has("x-works"));
}

#[test]
fn maintenance_lets_clients_of_a_network_pass() {
    let app = echo();
    let config = r#"config = { allow_clients = ["127.0.0.0/8"] }"#;
    let gateway = gateway_with(&app, "maintenance", config, r#"middleware = ["maintenance"]"#);
    assert_eq!(gateway.get("/a").text(), "/a");
}
