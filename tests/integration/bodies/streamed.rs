//! Bodies piece by piece.

use super::{codes, echo, guests, through};
use crate::support::{Backend, Gate, Gateway, Reply, Request, eventually};

fn loud(request: Request, letters: &str) -> Request {
    request.with("x-loud", letters)
}

#[test]
fn pieces_go_through_the_guest_both_ways() {
    let app = echo();
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let mut client = gateway.connect();
    assert_eq!(client.ask(loud(Request::post("/", "hello"), "q")).text(), "HELLO.");
    let received = app.received();
    assert_eq!((received.text().as_str(), received.get("content-length")), ("HELLO.", None));
    let response = client.ask(loud(Request::post("/", "hello"), "s"));
    assert_eq!((response.text().as_str(), response.get("content-length")), ("HELLO.", None));
    assert_eq!(client.ask(loud(Request::post("/", "hello"), "qs")).text(), "HELLO..");
    assert_eq!(client.ask(Request::post("/", "hello")).text(), "hello", "a guest that does not want it");
}

#[test]
fn large_bodies_go_through_whole_and_in_order() {
    let app = echo();
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    let response = gateway.ask(loud(Request::post("/", body.clone()), "qs"));
    let mut wanted = body.to_ascii_uppercase();
    wanted.extend(b"..");
    assert!(response.body == wanted, "{} bytes came back as {}", body.len(), response.body.len());
}

#[test]
fn a_piece_arrives_before_the_next_one_is_sent() {
    let next = Gate::shut();
    let app = Backend::scripted({
        let next = next.clone();
        move |connection| {
            connection.request();
            connection.send("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n");
            connection.send("3\r\none\r\n");
            next.wait();
            connection.send("3\r\ntwo\r\n0\r\nX-Sum: 2\r\n\r\n");
        }
    });
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let mut client = gateway.connect();
    client.send(loud(Request::get("/"), "s").with("te", "trailers").bytes());
    client.head();
    assert_eq!(client.chunk().unwrap(), b"ONE");
    next.open();
    assert_eq!(client.chunk().unwrap(), b"TWO");
    assert_eq!(client.chunk().unwrap(), b".");
    assert_eq!(client.chunk().unwrap(), b"");
    assert_eq!(client.head().unwrap().start, "x-sum: 2", "trailers go around the guest");
}

#[test]
fn messages_without_a_body_get_none() {
    let app = Backend::answering(|request| match request.target() {
        "/204" => Reply::status(204),
        "/304" => Reply::status(304).with("content-length", "12"),
        _ => Reply::ok("body"),
    });
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let mut client = gateway.connect();
    for (request, status) in
        [(Request::get("/204"), 204), (Request::get("/304"), 304), (Request::new("HEAD", "/"), 200)]
    {
        assert_eq!(client.ask(loud(request, "qs")).status(), status);
    }
    let response = client.ask(loud(Request::get("/"), "qs"));
    assert_eq!(response.text(), "BODY.", "the connection is still in step");
    let received = app.received();
    assert!(!received.has("transfer-encoding"), "a GET stays without a body: {received:?}");
}

#[test]
fn what_a_guest_notes_while_it_streams_is_in_the_access_log() {
    let app = echo();
    let gateway = through(guests::shouts("raw", ""), "", &app);
    gateway.ask(loud(Request::post("/noted", "x"), "s"));
    assert_eq!(gateway.log().access("/noted")["attributes"], "pieces=x");
    gateway.ask(loud(Request::post("/noted-too", "x"), "q"));
    assert_eq!(gateway.log().access("/noted-too")["attributes"], "pieces=x");
}

#[test]
fn the_rest_goes_untouched_when_the_guest_has_seen_enough() {
    let enough = r#"
      (if (i32.eq (call $body_size (global.get $message)) (i32.const 4))
        (then
          (drop (call $body_write (i32.const 730) (i32.const 1)))
          (return (i32.const 3))))"#;
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
            connection.send("4\r\nfour\r\n3\r\ntwo\r\n0\r\n\r\n");
        }
    });
    let gateway = through(guests::shouts("raw", enough), "", &app);
    let mut client = gateway.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(loud(Request::get("/"), "s")).text(), "ONE.two");
    }
    assert_eq!(gateway.instances("guest"), 1, "the instance serves others again");
}

#[test]
fn an_instance_serves_others_when_its_body_has_ended() {
    let app = echo();
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let mut client = gateway.connect();
    for _ in 0..20 {
        client.ask(loud(Request::post("/", "hello"), "qs"));
    }
    assert!(gateway.instances("guest") <= 2, "{}", gateway.instances("guest"));
}

#[test]
fn the_instance_of_an_abandoned_body_goes() {
    let never = Gate::shut();
    let app = Backend::scripted({
        let never = never.clone();
        move |connection| {
            connection.request();
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!");
            never.wait();
        }
    });
    let gateway = through(guests::shouts("raw", ""), "", &app);
    let mut client = gateway.connect();
    client.send(loud(Request::get("/"), "s").bytes());
    client.head();
    assert_eq!(client.chunk().unwrap(), b"FIVE!");
    drop(client);
    eventually("the instance is gone", || gateway.instances("guest") == 0);
    never.open();
}

#[test]
fn a_guest_that_fails_in_the_middle_breaks_the_response_off() {
    let fails = "(if (i32.eq (call $body_size (global.get $message)) (i32.const 4)) (then unreachable))";
    let gate = Gate::shut();
    let app = Backend::scripted({
        let gate = gate.clone();
        move |connection| {
            while let Some(request) = connection.request() {
                connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
                if request.has("x-loud") {
                    gate.wait();
                }
                let _ = connection.try_send("4\r\nfour\r\n0\r\n\r\n");
            }
        }
    });
    let gateway = through(guests::shouts("raw", fails), "", &app);
    let mut client = gateway.connect();
    client.send(loud(Request::get("/broken"), "s").bytes());
    client.head();
    assert_eq!(client.chunk().unwrap(), b"ONE");
    gate.open();
    assert!(client.chunk().is_err(), "a body that is not whole must not look so");
    let line = gateway.log().wait_for("the failure", |line| line["kind"] == "trap");
    assert!(line["message"].as_str().unwrap().starts_with("body broken off: plugin `guest`, on_body: trap"));
    assert_eq!(gateway.log().access("/broken")["complete"], false);
    assert_eq!(gateway.get("/").text(), "onefour");
}

#[test]
fn a_guest_that_fails_on_the_requests_body_fails_the_exchange() {
    let app = echo();
    let gateway = through(guests::shouts("raw", "unreachable"), "", &app);
    let response = gateway.ask(loud(Request::post("/", "hello"), "q"));
    assert_eq!(response.status(), 500);
    assert_eq!(gateway.ask(Request::post("/", "hello")).text(), "hello");
}

#[test]
fn a_guest_that_never_returns_is_stopped_in_the_middle_of_a_body() {
    let app = echo();
    let gateway =
        through(guests::shouts("raw", "(loop $on (br $on))"), r#"limits = { time = "20ms" }"#, &app);
    let response = gateway.ask(loud(Request::post("/", "hello"), "q"));
    assert_eq!(response.status(), 500);
    gateway.log().wait_for("the deadline", |line| line["kind"] == "deadline");
    assert_eq!(gateway.ask(Request::post("/", "hello")).text(), "hello");
}

#[test]
fn in_the_middle_of_a_body_heads_are_read_and_nothing_of_them_changes() {
    let tries = r#"
      (if (call $body_whole (global.get $message)) (then
        (call $say (call $head_get (i32.const 0) (i32.const 700) (i32.const 6) (i32.const 0) (i32.const 760) (i32.const 9)))
        (call $say (call $head_set (i32.const 0) (i32.const 700) (i32.const 6) (i32.const 700) (i32.const 6)))
        (call $say (call $head_set (i32.const 1) (i32.const 700) (i32.const 6) (i32.const 700) (i32.const 6)))
        (call $say (call $answer (i32.const 200) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
        (call $say (call $body_replace (global.get $message) (i32.const 0) (i32.const 1)))
        (call $say (call $body_size (i32.sub (i32.const 1) (global.get $message))))
        (call $say (call $body_size (i32.const 7)))))"#;
    let app = echo();
    let gateway = through(guests::shouts("raw", tries), "", &app);
    gateway.ask(loud(Request::post("/", "hello"), "s"));
    assert_eq!(codes(&gateway, "/"), [1, -3, -3, -3, -3, -3, -2]);
}

#[test]
fn bodies_go_through_several_guests_in_the_order_of_the_onion() {
    let app = echo();
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.shouts]
        file = "shouts.wasm"
        [plugin.exclaims]
        file = "exclaims.wasm"
        [[route]]
        path = "/in"
        upstream = "app"
        middleware = ["shouts", "exclaims"]
        [[route]]
        path = "/out"
        upstream = "app"
        middleware = ["exclaims", "shouts"]
        "#,
    )
    .put("app", app.url())
    .file("shouts.wasm", guests::shouts("raw", ""))
    .file("exclaims.wasm", guests::exclaims("raw"))
    .start();
    assert_eq!(gateway.ask(loud(Request::post("/in", "a"), "qs")).text(), "A.!!.");
    assert_eq!(gateway.ask(loud(Request::post("/out", "a"), "qs")).text(), "A!..!");
}
