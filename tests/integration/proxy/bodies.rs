//! Bodies go through as they come, and none looks complete that is not.

use std::sync::{Arc, Mutex};

use crate::support::{Backend, Gate, Gateway, Reply, Request, each_row, eventually};

#[test]
fn a_response_to_head_has_the_length_and_no_body() {
    let app = Backend::answering(|_| Reply::ok("twelve bytes"));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let response = client.ask(Request::new("HEAD", "/"));
    assert_eq!((response.status(), response.get("content-length")), (200, Some("12")));
    assert_eq!(app.received().method(), "HEAD");
    assert_eq!(client.ask(Request::get("/")).text(), "twelve bytes", "the connection is still in step");
    assert_eq!(app.connections(), 1, "and so is the upstream's");
}

#[test]
fn no_content_and_not_modified_have_no_body() {
    let app = Backend::answering(|request| match request.target() {
        "/204" => Reply::status(204).with("x-empty", "1"),
        "/304" => Reply::status(304).with("etag", "\"1\"").with("content-length", "12"),
        _ => Reply::ok("body"),
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let response = client.ask(Request::get("/204"));
    assert_eq!((response.status(), response.get("x-empty")), (204, Some("1")));
    assert!(!response.has("content-length") && !response.has("transfer-encoding"), "{response:?}");
    let response = client.ask(Request::get("/304"));
    assert_eq!((response.status(), response.get("etag")), (304, Some("\"1\"")));
    assert!(!response.has("transfer-encoding"), "{response:?}");
    assert_eq!(client.ask(Request::get("/200")).text(), "body", "the connection is still in step");
}

#[test]
fn bodies_go_through_whole_both_ways() {
    let app = Backend::answering(|request| Reply::ok(request.body.clone()));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    each_row([(0,), (1,), (65_536,), (body.len(),)], |(length,)| {
        let response = client.ask(Request::post("/", &body[..length]));
        assert!(response.body == body[..length], "came back as {} bytes", response.body.len());
    });
}

#[test]
fn chunked_bodies_stay_chunked() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            );
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n");
    let response = client.response();
    assert_eq!(response.get("transfer-encoding"), Some("chunked"));
    assert_eq!(response.text(), "abcde");
    let received = app.received();
    assert_eq!(received.get("transfer-encoding"), Some("chunked"));
    assert_eq!(received.text(), "wxyz");
}

#[test]
fn a_body_that_ends_with_the_upstreams_connection_arrives() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    });
    let gateway = Gateway::before(app.url()).start();
    assert_eq!(gateway.get("/").text(), "until the end");
}

#[test]
fn trailers_go_through_both_ways() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-checksum\r\n\r\n\
                 3\r\nabc\r\n0\r\nx-checksum: 42\r\n\r\n",
            );
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: TE\r\nTE: trailers\r\nTrailer: x-sum\r\n\
         Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx-sum: 7\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(response.get("trailer"), Some("x-checksum"));
    assert_eq!(response.trailers, [("x-checksum".to_owned(), "42".to_owned())]);
    let received = app.received();
    assert_eq!(received.get("te"), Some("trailers"));
    assert_eq!(received.get("trailer"), Some("x-sum"));
    assert_eq!(received.trailers, [("x-sum".to_owned(), "7".to_owned())]);
}

#[test]
fn a_response_streams_without_being_buffered() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nfirst");
        held.wait();
        connection.send("second");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(Request::get("/").bytes());
    assert_eq!(client.head().unwrap().status(), 200);
    assert_eq!(client.exactly(5).unwrap(), b"first", "while the upstream holds back the rest");
    gate.open();
    assert_eq!(client.exactly(6).unwrap(), b"second");
}

#[test]
fn a_chunk_goes_on_as_soon_as_it_is_there() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        held.wait();
        connection.send("6\r\nsecond\r\n0\r\n\r\n");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(Request::get("/").bytes());
    client.head();
    assert_eq!(client.chunk().unwrap(), b"first", "while the upstream holds back the rest");
    gate.open();
    assert_eq!(client.chunk().unwrap(), b"second");
    assert_eq!(client.chunk().unwrap(), b"");
}

#[test]
fn a_request_streams_without_being_buffered() {
    let gate = Gate::shut();
    let arrived = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.head();
        assert_eq!(connection.exactly(5).unwrap(), b"first");
        arrived.open();
        assert_eq!(connection.exactly(6).unwrap(), b"second");
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nboth");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\nfirst");
    gate.wait();
    client.send("second");
    assert_eq!(client.response().text(), "both");
}

#[test]
fn a_response_may_come_before_the_request_has_been_sent() {
    let app = Backend::scripted(|connection| {
        connection.head();
        connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large");
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\nbegin");
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (413, "too large"));
}

#[test]
fn an_upstream_body_that_is_too_short_aborts_the_response() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    });
    let gateway = Gateway::before(app.url()).start();
    let broken = gateway.connect().try_ask(&Request::get("/short")).expect_err("looks complete");
    assert_eq!(String::from_utf8_lossy(&broken.read), "only this");
    assert_eq!(gateway.log().access("/short")["complete"], false);
}

#[test]
fn an_upstream_body_without_its_last_chunk_aborts_the_response() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n");
    });
    let gateway = Gateway::before(app.url()).start();
    let broken = gateway.connect().try_ask(&Request::get("/")).expect_err("looks complete");
    assert_eq!(String::from_utf8_lossy(&broken.read), "only this");
}

#[test]
fn a_malformed_chunk_of_the_upstream_aborts_the_response() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection
            .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nno chunk\r\n0\r\n\r\n");
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    gateway.connect().try_ask(&Request::get("/")).expect_err("looks complete");
}

#[test]
fn a_clients_body_that_breaks_off_is_not_complete_for_the_upstream() {
    let outcome = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&outcome);
    let app = Backend::scripted(move |connection| {
        connection.head();
        *seen.lock().unwrap() = Some(connection.exactly(11).is_ok());
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\nfirst");
    eventually("the upstream has the request", || app.connections() == 1);
    drop(client);
    eventually("the upstream hears of it", || outcome.lock().unwrap().is_some());
    assert_eq!(*outcome.lock().unwrap(), Some(false));
}
