//! More than one request on a connection: where one ends, and what becomes of those behind one that is refused.

use super::{before_app, statuses};
use crate::support::{Backend, Gate, Gateway, Reply, Request, each_row};

const GET: &str = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
const BAD: &str = "GET /bad HTTP/1.1\r\nHost: a\nX: y\r\n\r\n";

#[test]
fn requests_before_a_refused_one_are_answered_and_those_behind_it_are_not() {
    let (gateway, app) = before_app();
    let mut client = gateway.connect();
    client.send([GET, GET, BAD, GET].concat());
    assert_eq!(statuses(&mut client), (vec![200, 200, 400], true));
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_request_is_refused_in_its_turn_though_the_one_before_takes_long() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        held.wait();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send([GET, BAD].concat());
    app.received();
    client.send(GET);
    gate.open();
    assert_eq!(statuses(&mut client), (vec![200, 400], true));
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_head_that_comes_byte_by_byte_is_read_as_one() {
    let (gateway, app) = before_app();
    let mut client = gateway.connect();
    let body = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for byte in [GET, body, BAD].concat().bytes() {
        if client.try_send([byte]).is_err() {
            break;
        }
    }
    assert_eq!(statuses(&mut client), (vec![200, 200, 400], true));
    assert_eq!(app.requests().len(), 2);
    assert_eq!(app.requests()[1].body, b"hello");
}

#[test]
fn the_body_of_a_request_is_never_the_next_request() {
    let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";
    let (gateway, app) = before_app();
    let rows = [
        (
            "a length",
            format!("POST /in HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        ),
        (
            "a chunk",
            format!(
                "POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n",
                hidden.len()
            ),
        ),
        (
            "GET with a length",
            format!("GET /in HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len()),
        ),
        (
            "HTTP/1.0",
            format!(
                "POST /in HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
        ),
    ];
    each_row(rows, |(_, request)| {
        app.forget();
        let mut client = gateway.connect();
        client.send(request + GET);
        client.finish();
        assert_eq!(statuses(&mut client).0, [200, 200]);
        let targets: Vec<_> = app.requests().iter().map(|request| request.target().to_owned()).collect();
        assert_eq!(targets, ["/in", "/ok"]);
        assert_eq!(app.requests()[0].body, hidden.as_bytes());
    });
}

#[test]
fn a_body_that_no_route_wanted_is_not_the_next_request() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [[route]]
        path = "/ok"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    let mut client = gateway.connect();
    client.send(format!("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{GET}{GET}", GET.len()));
    client.finish();
    // The body may be skipped or the connection ended: then what follows is not served.
    let (statuses, _) = statuses(&mut client);
    assert!(statuses == [404, 200] || statuses == [404], "{statuses:?}");
    assert!(app.requests().len() < 2);
}

#[test]
fn a_client_that_has_finished_sending_gets_its_response() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        held.wait();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(GET);
    client.finish();
    app.received();
    gate.open();
    assert_eq!(client.response().text(), "late");
    assert!(client.ends());
}

#[test]
fn a_client_that_ends_in_the_middle_of_a_body_asks_for_nothing() {
    let (gateway, app) = before_app();
    let rows = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe",
    ];
    each_row(rows, |half| {
        app.forget();
        let mut client = gateway.connect();
        client.send(half);
        client.finish();
        let answer = statuses(&mut client).0;
        assert!(answer.is_empty() || answer == [400], "{answer:?}");
        assert!(app.requests().is_empty(), "{:?}", app.requests());
    });
}

#[test]
fn a_response_that_comes_before_the_body_arrives_whole_and_ends_the_connection() {
    let app = Backend::scripted(|connection| {
        connection.head();
        connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge");
        connection.finish();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n");
    let mut sent = 0;
    while sent < 100_000_000 && client.try_send(vec![b'x'; 1 << 16]).is_ok() {
        sent += 1 << 16;
    }
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (413, "large"));
    assert!(client.ends());
}

#[test]
fn after_a_refused_upgrade_the_connection_goes_on() {
    let app = Backend::answering(|request| Reply::ok(request.target()));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let upgrade = "GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    client.send([upgrade, GET].concat());
    assert_eq!(client.response().text(), "/up");
    assert_eq!(client.response().text(), "/ok");
    assert_eq!(client.ask(Request::get("/again")).text(), "/again");
    client.send([upgrade, BAD].concat());
    assert_eq!(statuses(&mut client), (vec![200, 400], true));
}

#[test]
fn what_comes_ahead_of_an_upgrade_belongs_to_the_tunnel() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n");
        let bytes = connection.exactly(9).unwrap();
        connection.send(bytes);
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("GET /up HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n\0early\n\0");
    assert_eq!(client.head().unwrap().status(), 101);
    client.send("!");
    assert_eq!(client.exactly(9).unwrap(), b"\0early\n\0!");
}

#[test]
fn a_head_that_does_not_end_is_answered_in_time() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"header_timeout = "100ms""#).start();
    let mut client = gateway.connect();
    client.send("GET /slow HTTP/1.1\r\nHost: a.te");
    assert_eq!(statuses(&mut client), (vec![408], true));
    assert_eq!(gateway.log().access("/slow")["status"], 408);
}
