//! What is too large, and what was not asked for.

use super::{codes, echo, guests, through};
use crate::support::{Backend, Gateway, Reply, Request, module};

const SMALL: &str = r#"limits = { body = "1KiB" }"#;

#[test]
fn a_request_over_the_limit_is_413_and_the_upstream_sees_nothing_of_it() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), SMALL, &app);
    assert_eq!(gateway.ask(Request::post("/", vec![b'a'; 1025])).status(), 413);
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n");
    client.send([b'a'; 1024]);
    client.send("\r\n1\r\na\r\n0\r\n\r\n");
    assert_eq!(client.response().status(), 413);
    assert!(app.requests().is_empty());
    assert_eq!(gateway.ask(Request::post("/", "a")).text(), "a!!");
}

#[test]
fn a_response_over_the_limit_is_502_and_the_client_sees_nothing_of_it() {
    let app = Backend::answering(|request| match request.target() {
        "/large" => Reply::ok(vec![b'a'; 2000]),
        _ => Reply::ok("small"),
    });
    let gateway = through(guests::exclaims("raw"), SMALL, &app);
    let response = gateway.get("/large");
    assert_eq!(response.status(), 502);
    assert!(!response.text().contains("aaa"));
    gateway.log().says("`limits.body`");
    assert_eq!(gateway.get("/").text(), "small!");
}

#[test]
fn a_guest_cannot_make_more_than_the_limit() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), SMALL, &app);
    let body = vec![b'a'; 1024];
    let response = gateway.ask(Request::post("/", body.clone()));
    assert_eq!(codes(&gateway, "/"), [-4, -4]);
    assert!(response.body == body);
}

#[test]
fn a_client_that_breaks_off_while_its_body_is_waited_for_costs_nothing() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), "", &app);
    let mut client = gateway.connect();
    client.send("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!");
    client.finish();
    gateway.log().access("/gone");
    assert!(app.requests().is_empty());
    assert_eq!(gateway.ask(Request::post("/", "a")).text(), "a!!");
}

#[test]
fn an_upstream_that_breaks_off_while_its_body_is_waited_for_is_a_bad_gateway() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!");
    });
    let gateway = through(guests::exclaims("raw"), "", &app);
    assert_eq!(gateway.get("/").status(), 502);
}

#[test]
fn a_body_that_was_not_asked_for_cannot_be_had() {
    let app = echo();
    let guest = module(
        r#"
;; bodies: {"on_request": {"mode": "peek", "bytes": 8}}
(func (export "gatewright_on_request") (result i32)
  (call $say (call $body_size (i32.const 0)))
  (call $say (call $body_size (i32.const 1)))
  (call $say (call $body_replace (i32.const 0) (i32.const 0) (i32.const 1)))
  (call $say (call $body_write (i32.const 0) (i32.const 1)))
  (i32.const 0))
(func (export "gatewright_on_response") (result i32)
  (call $say (call $body_size (i32.const 0)))
  (call $say (call $body_read (i32.const 1) (i32.const 0) (i32.const 2048) (i32.const 10)))
  (i32.const 0))
"#,
    );
    let gateway = through(guest, "", &app);
    assert_eq!(gateway.ask(Request::post("/", "12345678")).text(), "12345678");
    assert_eq!(codes(&gateway, "/"), [8, -3, -3, -3, -3, -3]);
}

#[test]
fn a_guest_that_streams_what_it_did_not_declare_breaks_the_contract() {
    let app = echo();
    let guest = module(
        r#"
(func (export "gatewright_on_body") (result i32) (i32.const 0))
(func (export "gatewright_on_request") (result i32) (i32.const 2))
"#,
    );
    let gateway = through(guest, "", &app);
    assert_eq!(gateway.get("/").status(), 500);
    gateway.log().says("which its manifest does not say of on_request");
}

#[test]
fn a_manifest_that_asks_for_what_cannot_be_is_refused() {
    for (bodies, words) in [
        (r#"{"on_request": {"mode": "peek"}}"#, "`bytes` goes with `peek`"),
        (r#"{"on_request": {"mode": "peek", "bytes": 0}}"#, "`bytes` goes with `peek`"),
        (r#"{"on_request": {"mode": "buffer", "bytes": 10}}"#, "`bytes` goes with `peek`"),
        (r#"{"on_request": {"mode": "stream"}}"#, "gatewright_on_body"),
        (r#"{"on_request": {"mode": "gulp"}}"#, "gulp"),
        (r#"{"on_requests": {"mode": "buffer"}}"#, "on_requests"),
    ] {
        let text = format!(
            ";; bodies: {bodies}\n(func (export \"gatewright_on_request\") (result i32) (i32.const 0))"
        );
        let setup = Gateway::with(
            r#"
            [upstream.app]
            endpoints = ["http://127.0.0.1:1"]
            [plugin.guest]
            file = "guest.wasm"
            [[route]]
            path = "/*"
            upstream = "app"
            middleware = ["guest"]
            "#,
        )
        .file("guest.wasm", module(&text));
        let outcome = setup.check();
        assert!(!outcome.is_ok() && outcome.text.contains(words), "{bodies}: {}", outcome.text);
    }
}

#[test]
fn a_guest_that_answers_leaves_nothing_of_the_body_that_it_was_shown() {
    let app = echo();
    let gateway = through(module(guests::REPLACES_AND_ANSWERS), "", &app);
    assert_eq!(gateway.ask(Request::post("/answered", "body")).text(), "mine");
    assert_eq!(codes(&gateway, "/answered"), [-3]);
}

#[test]
fn a_guest_that_fails_leaves_its_body_to_nobody() {
    let app = echo();
    for on_error in ["fail", "skip"] {
        let gateway = Gateway::with(
            r#"
            [upstream.app]
            endpoints = ["<app>"]
            [plugin.outer]
            file = "outer.wasm"
            [plugin.inner]
            file = "inner.wasm"
            [[route]]
            path = "/*"
            upstream = "app"
            middleware = ["outer", { plugin = "inner", on_error = "<on_error>" }]
            "#,
        )
        .put("app", app.url())
        .put("on_error", on_error)
        .file("outer.wasm", module(guests::LOOKS_ASIDE))
        .file("inner.wasm", module(guests::FAILS))
        .start();
        let status = if on_error == "skip" { 200 } else { 500 };
        assert_eq!(gateway.ask(Request::post("/failed", "body")).status(), status);
        assert_eq!(codes(&gateway, "/failed"), [-3], "{on_error}");
    }
}
