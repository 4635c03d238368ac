//! Bodies in chunks that break off where they could be read in more than one way.

use super::{SMUGGLED, before_app, starts, statuses};
use crate::support::{Backend, Gateway, each_row};

const HEAD: &str = "POST /in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn chunks_that_are_none_end_the_connection() {
    let (gateway, app) = before_app();
    let zeros = format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(40));
    let endless = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(5000));
    let trailers = format!("0\r\n{}\r\n", "x: y\r\n".repeat(5000));
    let rows = [
        ("0x before a size", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a plus", "+5\r\nhello\r\n0\r\n\r\n"),
        ("a minus", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a minus for a size", "-1\r\n0\r\n\r\n"),
        ("a space before a size", " 5\r\nhello\r\n0\r\n\r\n"),
        ("a space behind a size", "5 \r\nhello\r\n0\r\n\r\n"),
        ("a size in two words", "5 5\r\nhello\r\n0\r\n\r\n"),
        ("an underscore", "0_5\r\nhello\r\n0\r\n\r\n"),
        ("no size", "\r\nhello\r\n0\r\n\r\n"),
        ("no size but an extension", ";a\r\nhello\r\n0\r\n\r\n"),
        ("a size past 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
        ("a size of 20 digits", "fffffffffffffffffff5\r\nhello\r\n0\r\n\r\n"),
        ("leading zeros", &zeros),
        ("an extension without end", &endless),
        ("a size that ends with LF", "5\nhello\r\n0\r\n\r\n"),
        ("a size that ends with CR", "5\rhello\r\n0\r\n\r\n"),
        ("an extension that ends with LF", "5;a\nhello\r\n0\r\n\r\n"),
        ("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("a NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"),
        ("a chunk that ends with LF", "5\r\nhello\n0\r\n\r\n"),
        ("a chunk that ends with CR", "5\r\nhello\r0\r\n\r\n"),
        ("a chunk that does not end", "5\r\nhello0\r\n\r\n"),
        ("a chunk longer than its size", "3\r\nhello\r\n0\r\n\r\n"),
        ("a chunk shorter than its size", "7\r\nhello\r\n0\r\n\r\n"),
        ("a last chunk that ends with LF", "5\r\nhello\r\n0\n\r\n"),
        ("an end with LF", "5\r\nhello\r\n0\r\n\n"),
        ("an end with two CR", "5\r\nhello\r\n0\r\n\r\r\n"),
        ("no end", "5\r\nhello\r\n0\r\n"),
        ("a trailer without a colon", "0\r\nx\r\n\r\n"),
        ("a trailer with a space before the colon", "0\r\nx : y\r\n\r\n"),
        ("a trailer that ends with LF", "0\r\nx: y\n\r\n"),
        ("a continued trailer", "0\r\nx: y\r\n z\r\n\r\n"),
        ("a NUL in a trailer", "0\r\nx: \0\r\n\r\n"),
        ("trailers without end", &trailers),
    ];
    each_row(rows, |(_, body)| {
        app.forget();
        let mut client = gateway.connect();
        let _ = client.try_send([HEAD, body, SMUGGLED].concat());
        let (statuses, last) = statuses(&mut client);
        let seen = starts(&app);
        let refused = statuses == [400] && last && seen.is_empty();
        assert!(refused, "{statuses:?}, close {last}, backend saw {seen:?}");
    });
}

#[test]
fn chunks_of_every_kind_arrive() {
    let app = Backend::answering(|request| crate::support::Reply::ok(request.body.clone()));
    let gateway = Gateway::before(app.url()).start();
    let mut kept = None;
    let rows = [
        ("one chunk", "5\r\nhello\r\n0\r\n\r\n"),
        ("small chunks", "1\r\nh\r\n1\r\ne\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n"),
        ("hexadecimal digits", "0005\r\nhello\r\n00\r\n\r\n"),
        ("an extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n"),
        ("an extension in quotes", "5;a=\"b;c\\\"\"\r\nhello\r\n0\r\n\r\n"),
        ("a space before an extension", "5 ;a\r\nhello\r\n0\r\n\r\n"),
        ("a trailer", "5\r\nhello\r\n0\r\nx-a: b\r\n\r\n"),
    ];
    // All on one connection: what a row leaves unread would spoil the next.
    each_row(rows, |(_, body)| {
        let mut client = kept.take().unwrap_or_else(|| gateway.connect());
        client.send([HEAD, body].concat());
        assert_eq!(client.response().text(), "hello");
        kept = Some(client);
    });
    assert_eq!(app.requests().len(), rows.len());
}

#[test]
fn trailers_are_no_headers() {
    let (gateway, app) = before_app();
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, host, content-length\r\n\r\n\
         5\r\nhello\r\n0\r\nx-sum: 1\r\nhost: evil.test\r\ncontent-length: 3\r\ntransfer-encoding: gzip\r\n\
         authorization: Basic eA==\r\nx-unannounced: 1\r\n\r\n",
    );
    assert_eq!(client.response().status(), 200);
    let received = app.received();
    assert_eq!(received.all("host"), ["a"]);
    assert!(!received.has("authorization") && !received.has("content-length"), "{received:?}");
    let names: Vec<_> = received.trailers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-sum", "x-unannounced"], "what frames, routes or authorises is no trailer");
}
