//! `Upgrade`: from an exchange to a tunnel.

use crate::support::{Backend, Gateway, Reply, Request, eventually};

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let app = Backend::scripted(|connection| {
        let Some(request) = connection.request() else { return };
        let protocol = request.get("upgrade").unwrap_or("none").to_owned();
        connection.send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\nX-Key: 1\r\n\r\nhello"
        ));
        while let Ok(bytes) = connection.exactly(4) {
            connection.send([b"<", &bytes[..], b">"].concat());
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: abc\r\n\r\n",
    );
    let head = client.head().unwrap();
    assert_eq!((head.status(), head.get("upgrade"), head.get("x-key")), (101, Some("websocket"), Some("1")));
    assert!(head.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")), "{head:?}");
    assert_eq!(client.exactly(5).unwrap(), b"hello", "what the upstream says first");
    for word in ["ping", "\0\u{1}\r\n", "pong"] {
        client.send(word);
        assert_eq!(client.exactly(6).unwrap(), format!("<{word}>").into_bytes());
    }
    let received = app.received();
    assert_eq!(received.get("sec-websocket-key"), Some("abc"));
    assert!(received.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
    drop(client);
    eventually("the upstream's end of the tunnel ends", || app.open_connections() == 0);
}

#[test]
fn a_tunnel_ends_when_the_upstream_ends_it() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection
            .send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nbye");
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 101);
    assert_eq!(client.rest(), b"bye");
}

#[test]
fn an_upgrade_that_the_upstream_refuses_is_an_ordinary_response() {
    let app = Backend::answering(|_| Reply::status(426).with("x-why", "no"));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let response = client.ask(Request::get("/").with("Connection", "upgrade").with("Upgrade", "websocket"));
    assert_eq!((response.status(), response.get("x-why")), (426, Some("no")));
}

#[test]
fn a_switch_of_protocols_that_nobody_asked_for_is_a_bad_gateway() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: evil\r\n\r\n");
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("which nobody asked for");
}
