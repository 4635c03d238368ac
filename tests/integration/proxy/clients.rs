//! Clients that take too long or say too much.

use std::thread;
use std::time::Duration;

use crate::support::{Backend, Gate, Gateway, Reply, Request, Wire, each_row, eventually};

#[test]
fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let app = Backend::answering(|request| Reply::ok(request.body.clone()));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 100);
    client.send("hello");
    assert_eq!(client.response().text(), "hello");
}

#[test]
fn a_head_that_does_not_end_closes_the_connection() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"header_timeout = "100ms""#).start();
    let mut silent = gateway.connect();
    let mut slow = gateway.connect();
    slow.send("GET / HTTP/1.1\r\nHost: a.te");
    assert!(silent.rest().is_empty(), "no response to nothing");
    // The end, or a response that says why.
    slow.rest();
}

#[test]
fn a_head_that_does_not_end_closes_a_connection_that_had_been_idle() {
    const HEADER_TIMEOUT: Duration = Duration::from_millis(500);
    let app = Backend::named("app");
    let gateway =
        Gateway::before(app.url()).listener("idle_timeout = \"1h\"\nheader_timeout = \"500ms\"").start();
    // A first request in two pieces, so that the gateway waits for the second with the short timeout. On a machine that
    // takes too long over it, it is tried again.
    let mut client = gateway.connect();
    eventually("the first request is served", || {
        client = gateway.connect();
        client.send("GET / HTTP/1.1\r\n");
        thread::sleep(HEADER_TIMEOUT / 10);
        let sent = client.try_send("Host: a.test\r\n\r\n").is_ok();
        sent && client.head().is_some_and(|head| head.status() == 200)
    });
    assert_eq!(client.exactly(3).unwrap(), b"app");
    // Long enough for the gateway to have settled down to the long timeout.
    thread::sleep(HEADER_TIMEOUT * 2);
    client.send("GET / HTTP/1.1\r\nHost: a.te");
    client.rest();
}

#[test]
fn a_path_with_dot_segments_is_not_found() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    each_row(["/a/../b", "/..", "/a/./b", "/a/%2e%2E/b", "/a/..%2fb", "/."], |target| {
        assert_eq!(gateway.get(target).status(), 404);
    });
    assert!(app.requests().is_empty());
}

#[test]
fn half_a_head_behind_a_request_has_its_own_time() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("header_timeout = \"500ms\"").start();
    let mut client = gateway.connect();
    client.send([Request::get("/").bytes(), b"GET / HTTP/1.1\r\nHost: a.te".to_vec()].concat());
    assert_eq!(client.response().status(), 200);
    assert_eq!(client.response().status(), 408);
    assert!(client.ends());
}

#[test]
fn an_idle_connection_is_closed() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"idle_timeout = "100ms""#).start();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/")).text(), "app");
    assert!(client.ends());
}

#[test]
fn an_open_exchange_is_not_idle() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        held.wait();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let gateway =
        Gateway::before(app.url()).listener("idle_timeout = \"50ms\"\nheader_timeout = \"50ms\"").start();
    let mut waiting = gateway.connect();
    waiting.send(Request::get("/").bytes());
    app.received();
    // As long as another connection takes to run into the timeout, and then some.
    for _ in 0..3 {
        assert!(gateway.connect().ends());
    }
    gate.open();
    assert_eq!(waiting.response().text(), "late");
}

#[test]
fn a_body_that_pauses_for_too_long_ends_the_exchange() {
    let app = Backend::scripted(|connection| {
        connection.head();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).listener(r#"body_timeout = "100ms""#).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nthen silence");
    assert_eq!(client.head().unwrap().status(), 408);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn a_head_over_the_limit_is_refused() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"max_head = "8KiB""#).start();
    let response = gateway.ask(Request::get("/").with("x-long", &"x".repeat(6_000)));
    assert_eq!(response.status(), 200);
    let mut client = gateway.connect();
    // The gateway may answer and close before all of it is sent.
    let _ = client.try_send(Request::get("/").with("x-long", &"x".repeat(20_000)).bytes());
    assert_eq!(client.head().unwrap().status(), 431);
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn garbage_from_a_client_harms_nobody_else() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let rows = [
        ("the greeting of TLS", &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..]),
        ("a method alone", b"GET\r\n\r\n"),
        ("NUL", b"\0\0\0\0\r\n\r\n"),
        ("a version that is none", b"GET / HTTP/9.x\r\n\r\n"),
    ];
    each_row(rows, |(_, garbage)| {
        let mut client: Wire = gateway.connect();
        client.send(garbage);
        client.finish();
        let answer = client.rest();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{:?}", String::from_utf8_lossy(&answer));
    });
    assert_eq!(gateway.get("/").text(), "app");
    assert_eq!(app.requests().len(), 1);
}
