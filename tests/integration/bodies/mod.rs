//! Guests that want to see bodies, and what becomes of them on the wire.

mod coded;
mod guests;
mod refused;
mod streamed;

use crate::support::{Backend, Gateway, Reply, Request, module};

fn through(guest: Vec<u8>, keys: &str, app: &Backend) -> Gateway {
    Gateway::through(guest, keys, app.url()).start()
}

fn echo() -> Backend {
    Backend::answering(|request| Reply::ok(request.body.clone()))
}

/// What the guest logged up to the end of the exchange with this target.
fn codes(gateway: &Gateway, target: &str) -> Vec<i64> {
    gateway.log().access(target);
    let lines = gateway.log().lines();
    let messages = lines.iter().filter_map(|line| line["message"].as_str()?.strip_prefix("code "));
    messages.map(|code| code.parse().unwrap()).collect()
}

#[test]
fn a_peeking_guest_sees_the_first_bytes_and_the_body_goes_through_as_it_came() {
    let app = echo();
    let gateway = through(module(guests::PEEKS), "", &app);
    let mut client = gateway.connect();
    for (target, body, seen, whole) in [
        ("/none", "", "", 1),
        ("/short", "short", "short", 1),
        ("/all", "8 bytes!", "8 bytes!", 1),
        ("/part", "longer than eight bytes", "longer t", 0),
    ] {
        assert_eq!(client.ask(Request::post(target, body)).text(), body);
        let received = app.received();
        assert_eq!(received.get("x-seen"), Some(seen));
        assert_eq!(received.get("content-length"), Some(body.len().to_string().as_str()));
        assert_eq!(codes(&gateway, target).last(), Some(&whole), "{body:?}");
    }
}

#[test]
fn a_peeking_guest_does_not_wait_for_more_than_it_wants() {
    let app = echo();
    let gateway = through(module(guests::PEEKS), "", &app);
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n",
    );
    client.send("5\r\nnine!\r\n");
    gateway.log().says("code 0");
    client.send("3\r\nend\r\n0\r\nX-Sum: 12\r\n\r\n");
    assert_eq!(client.response().text(), "fournine!end");
    let received = app.received();
    assert_eq!((received.get("x-seen"), received.get("content-length")), (Some("fournine"), None));
    assert_eq!(received.trailers, [("x-sum".to_owned(), "12".to_owned())]);
}

#[test]
fn a_body_that_a_guest_replaces_has_its_new_length() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), "", &app);
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::post("/", "hello")).text(), "hello!!");
    let received = app.received();
    assert_eq!((received.text().as_str(), received.get("content-length")), ("hello!", Some("6")));
    let response = client.ask(Request::post("/", ""));
    assert_eq!((response.text().as_str(), response.get("content-length")), ("!!", Some("2")));
}

#[test]
fn a_buffered_body_that_is_not_replaced_goes_through_with_its_framing() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n");
            connection.send("3\r\n-ab\r\n2\r\ncd\r\n0\r\nX-Sum: 5\r\n\r\n");
        }
    });
    let gateway = through(guests::exclaims("raw"), "", &app);
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X-T\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\n-\r\n0\r\nX-T: 1\r\n\r\n",
    );
    let response = client.response();
    assert_eq!(response.text(), "-abcd");
    assert_eq!(response.trailers, [("x-sum".to_owned(), "5".to_owned())]);
    assert_eq!(app.received().trailers, [("x-t".to_owned(), "1".to_owned())]);
}

#[test]
fn a_buffered_response_frees_its_connection_and_a_head_request_has_no_body() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), "", &app);
    let mut client = gateway.connect();
    let response = client.ask(Request::new("HEAD", "/"));
    assert_eq!((response.status(), response.body.len()), (200, 0));
    for _ in 0..3 {
        assert_eq!(client.ask(Request::post("/", "a")).text(), "a!!");
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn a_replayable_buffered_body_keeps_other_exchanges_apart() {
    let app = echo();
    let gateway = through(guests::exclaims("raw"), "", &app);
    let clients: Vec<_> = (0..8)
        .map(|n| {
            let mut client = gateway.connect();
            std::thread::spawn(move || {
                for round in 0..20 {
                    let body = format!("{n}.{round}");
                    assert_eq!(client.ask(Request::post("/", body.as_str())).text(), body + "!!");
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}
