//! Responses of an upstream that are none, or could be read in more than one way.

use crate::support::{Backend, Gate, Gateway, Message, Request, Wire, each_row, eventually};

/// Answers the request for `/N` with the bytes of row N, and ends.
fn rows(answers: Vec<Vec<u8>>) -> Backend {
    Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            let row: usize = request.target()[1..].parse().unwrap();
            let _ = connection.try_send(&answers[row]);
            connection.finish();
        }
    })
}

/// The rows' sentences and numbers.
fn numbered<'a>(answers: &[(&'a str, &[u8])]) -> impl Iterator<Item = (&'a str, usize)> {
    answers.iter().enumerate().map(|(row, (sentence, _))| (*sentence, row))
}

fn gateway_before(answers: &[(&str, &[u8])]) -> (Gateway, Backend) {
    let app = rows(answers.iter().map(|(_, bytes)| bytes.to_vec()).collect());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        retries = 0
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .workers(1)
    .start();
    (gateway, app)
}

#[test]
fn what_is_no_response_is_a_bad_gateway() {
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "y".repeat(600_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let answers: &[(&str, &[u8])] = &[
        ("nothing", b""),
        ("garbage", b"\x00\x01\x02garbage\r\n\r\n"),
        ("half a status line", b"HTTP/1.1 20"),
        ("half a head", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"),
        ("a status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a status of letters", b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
        ("a status below 100", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a status above 599", b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"),
        ("a negative status", b"HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n"),
        ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("HTTP/0.9", b"<html></html>"),
        ("a request", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("a line without a colon", b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n"),
        ("a space before a colon", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
        ("a field without a name", b"HTTP/1.1 200 OK\r\n: x\r\nContent-Length: 0\r\n\r\n"),
        ("a NUL in a value", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
        ("a bare CR in a value", b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n"),
        ("a continued line", b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        ("two lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        ("the same length twice", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
        ("a list of lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"),
        ("a length that is none", b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"),
        ("a length with a sign", b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"),
        ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nhello"),
        ("an empty length", b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello"),
        ("a length of 2^64", b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello"),
        ("a length and chunks", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("gzip as a transfer coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n\x1f\x8b"),
        ("gzip in chunks", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ("chunked and identity", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("identity", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello"),
        ("xchunked", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello"),
        ("chunked twice", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("chunks in HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("another protocol that nobody asked for", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
        ("100 and no more", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("too large a head", large.as_bytes()),
        ("too many fields", many.as_bytes()),
    ];
    let (gateway, _app) = gateway_before(answers);
    each_row(numbered(answers), |(_, row)| {
        assert_eq!(gateway.get(&format!("/{row}")).status(), 502);
    });
}

#[test]
fn a_response_that_breaks_off_does_so_for_the_client() {
    let answers: &[(&str, &[u8])] = &[
        ("a body that is too short", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"),
        ("chunks without an end", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
        ("half a chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhello"),
        (
            "chunks without the last line",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ),
        (
            "a chunk's size that is none",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
        ),
        (
            "a chunk's size past 64 bits",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n11112222333344445\r\n",
        ),
        (
            "a chunk longer than its size",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!!!\r\n0\r\n\r\n",
        ),
        (
            "a malformed trailer",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
        ),
    ];
    let (gateway, _app) = gateway_before(answers);
    each_row(numbered(answers), |(_, row)| {
        let response = gateway.connect().try_ask(&Request::get(&format!("/{row}")));
        // The head may not have been on its way yet.
        let as_it_should = match &response {
            Ok(response) => response.status() == 502,
            Err(broken) => b"hello".starts_with(&broken.read[..]) || broken.read == b"hello!!!",
        };
        assert!(as_it_should, "{response:?}");
        let line = gateway.log().access(&format!("/{row}"));
        assert!(line["complete"] == false || line["status"] == 502, "{line}");
    });
}

/// What the client gets of row 0.
fn delivered(answer: &[u8], request: &str) -> (Message, Vec<u8>, Message) {
    let (gateway, app) = gateway_before(&[("", answer)]);
    let mut client = gateway.connect();
    client.send(request);
    client.finish();
    let head = request.starts_with("HEAD");
    let response = client.response_to(head).unwrap();
    (response, client.rest(), app.received())
}

const GET: &str = "GET /0 HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn responses_of_every_framing_arrive() {
    let rows = [
        ("a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\n\r\n"),
        ("the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello"),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello"),
        ("HTTP/1.0 with a length", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"),
        ("an odd reason", "HTTP/1.1 200 Oh, well: \"fine\"\r\nContent-Length: 5\r\n\r\nhello"),
        ("100 before", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("102 before", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    ];
    each_row(rows, |(_, answer)| {
        let (gateway, _app) = gateway_before(&[("", answer.as_bytes())]);
        let mut client = gateway.connect();
        client.send(GET);
        let mut response = client.response();
        while response.status() < 200 {
            response = client.response();
        }
        assert_eq!((response.status(), response.text().as_str()), (200, "hello"));
    });
}

#[test]
fn what_has_no_body_gets_none() {
    let head = "HEAD /0 HTTP/1.1\r\nHost: a\r\n\r\n";
    let rows = [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", head, 200, Some("5")),
        ("HEAD with a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", head, 200, Some("5")),
        ("HEAD in chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head, 200, None),
        ("HEAD of an error", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n", head, 404, Some("9")),
        ("204", "HTTP/1.1 204 No Content\r\n\r\n", GET, 204, None),
        ("204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", GET, 204, None),
        ("204 with a body", "HTTP/1.1 204 No Content\r\n\r\nhello", GET, 204, None),
        (
            "204 in chunks",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            GET,
            204,
            None,
        ),
        ("304", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n", GET, 304, None),
        ("304 with a body", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\nhello", GET, 304, None),
    ];
    each_row(rows, |(_, answer, request, status, length)| {
        let (response, rest, _) = delivered(answer.as_bytes(), request);
        assert_eq!((response.status(), response.get("content-length")), (status, length));
        assert!(rest.is_empty() && !response.has("transfer-encoding"), "{rest:?}");
    });
}

#[test]
fn what_follows_a_response_is_not_the_next_one() {
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrueHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake";
    let rows = [
        ("behind a body", answer),
        ("behind 204", "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake"),
        ("behind 304", "HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake"),
        (
            "behind chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake",
        ),
    ];
    each_row(rows, |(_, first)| {
        let app = Backend::scripted(move |connection| {
            while let Some(request) = connection.request() {
                let answer = if request.target() == "/first" {
                    first
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast"
                };
                let _ = connection.try_send(answer);
            }
        });
        let gateway = Gateway::before(app.url()).workers(1).start();
        let mut client = gateway.connect();
        client.ask(Request::get("/first"));
        for _ in 0..3 {
            assert_eq!(client.ask(Request::get("/next")).text(), "last");
        }
    });
}

#[test]
fn early_hints_go_to_the_client_before_the_response() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        connection
            .send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x\r\nX: 1\r\n\r\n");
        held.wait();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(GET);
    let hints = client.head().unwrap();
    assert_eq!((hints.status(), hints.get("link")), (103, Some("</a.css>; rel=preload")));
    assert!(!hints.has("connection") && !hints.has("x"), "{hints:?}");
    gate.open();
    assert_eq!(client.response().text(), "hello");
}

#[test]
fn a_client_of_http_1_0_gets_no_interim_response_and_no_chunks() {
    let answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let (response, rest, _) = delivered(answer.as_bytes(), "GET /0 HTTP/1.0\r\n\r\n");
    assert_eq!((response.status(), response.text().as_str()), (200, "hello"));
    assert!(!response.has("transfer-encoding") && rest.is_empty());
}

#[test]
fn a_client_of_http_1_0_that_wants_to_stay_does() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    for _ in 0..2 {
        client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let response = client.response();
        assert_eq!((response.text().as_str(), response.get("connection")), ("app", Some("keep-alive")));
    }
    client.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "app");
    assert!(client.ends());
}

#[test]
fn the_upstream_says_whether_it_wants_the_body() {
    let app = Backend::scripted(|connection| {
        let head = connection.head().unwrap();
        assert_eq!(head.get("expect"), Some("100-Continue"));
        connection.send("HTTP/1.1 100 Continue\r\n\r\n");
        assert_eq!(connection.exactly(5).unwrap(), b"hello");
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 100);
    client.send("hello");
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn a_body_that_the_upstream_does_not_want_is_not_asked_for() {
    let app = Backend::scripted(|connection| {
        connection.head();
        connection.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno");
        assert!(connection.ends(), "nothing of the body");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let response = client.response();
    assert_eq!((response.status(), response.text().as_str()), (401, "no"));
    drop(client);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn an_upstream_that_says_nothing_gets_the_body_after_a_while() {
    let app = Backend::answering(|request| crate::support::Reply::ok(request.body.clone()));
    let gateway = Gateway::before(app.url()).start();
    let mut client: Wire = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 100);
    client.send("hello");
    assert_eq!(client.response().text(), "hello");
}

#[test]
fn a_get_keeps_its_body() {
    let rows =
        ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"];
    each_row(rows, |framing| {
        let app = Backend::answering(|request| crate::support::Reply::ok(request.body.clone()));
        let gateway = Gateway::before(app.url()).start();
        let mut client = gateway.connect();
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{framing}"));
        assert_eq!(client.response().text(), "hello");
    });
}

#[test]
fn trailers_of_a_response_go_to_whoever_wants_them() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, content-length\r\n\r\n\
                  5\r\nhello\r\n0\r\nx-sum: 1\r\ncontent-length: 3\r\nset-cookie: a=b\r\n\r\n";
    let (response, _, received) =
        delivered(answer.as_bytes(), "GET /0 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    assert_eq!(received.get("te"), Some("trailers"));
    assert_eq!((response.text().as_str(), response.trailers.len()), ("hello", 1), "{:?}", response.trailers);
    let (response, _, _) = delivered(answer.as_bytes(), GET);
    assert_eq!((response.text().as_str(), response.trailers.len()), ("hello", 0), "{:?}", response.trailers);
}

#[test]
fn a_connection_that_the_upstream_closes_is_not_used_again() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        }
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = gateway.connect();
    for _ in 0..3 {
        let response = client.ask(Request::get("/"));
        assert_eq!(response.text(), "ok");
        assert!(!response.has("connection"), "the client's connection is another one");
    }
    assert_eq!(app.connections(), 3);
}
