//! The PROXY protocol to endpoints: who the client is, before all else.

use std::sync::mpsc;

use crate::support::{
    Authority, Backend, Connection, Gateway, Http2, Request, each_row, eventually, get2, hostile,
};

/// The line that a connection begins with.
fn line_of(connection: &mut Connection) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.extend(connection.exactly(1).ok()?);
    }
    Some(String::from_utf8(line).unwrap())
}

/// Answers every request with the line that its connection began with.
fn with_its_line(connection: &mut Connection) {
    let Some(line) = line_of(connection) else { return };
    while connection.request().is_some() {
        let length = line.len();
        connection.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{line}"));
    }
}

fn before(app: &Backend, keys: &str) -> Gateway {
    let text = format!(
        "[upstream.app]\nendpoints = [\"<app>\"]\n{keys}\n[[route]]\npath = \"/*\"\nupstream = \"app\""
    );
    Gateway::with(&text).put("app", app.url()).workers(1).start()
}

#[test]
fn a_connection_begins_with_its_client_and_is_nobody_elses() {
    let app = Backend::scripted(with_its_line);
    let gateway = before(&app, "proxy_protocol = \"v1\"");
    let (mut alice, mut bob) = (gateway.connect(), gateway.connect());
    let to = gateway.address();
    for _ in 0..3 {
        for client in [&mut alice, &mut bob] {
            let from = client.stream().local_addr().unwrap();
            let line = format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port());
            assert_eq!(client.ask(Request::get("/")).text(), line);
        }
    }
    assert_eq!(app.connections(), 2, "each is kept for its client");
}

#[test]
fn what_a_listener_was_told_goes_on() {
    let app = Backend::scripted(with_its_line);
    let text = r#"
        [upstream.app]
        endpoints = ["<app>"]
        proxy_protocol = "v1"
        [[route]]
        path = "/*"
        upstream = "app"
        "#;
    let gateway = Gateway::with(text).put("app", app.url()).listener("proxy_protocol = true").start();
    let rows = ["PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "PROXY TCP6 2001:db8::1 ::1 4711 443\r\n"];
    each_row(rows, |line| {
        let mut client = gateway.connect();
        client.send(line);
        assert_eq!(client.ask(Request::get("/")).text(), line);
    });
}

#[test]
fn requests_of_plugins_are_their_clients() {
    let app = Backend::scripted(with_its_line);
    let (told, lines) = mpsc::channel();
    let side = Backend::scripted(move |connection| {
        let line = line_of(connection).unwrap();
        while connection.request().is_some() {
            told.send(line.clone()).unwrap();
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let text = r#"
        [upstream.app]
        endpoints = ["<app>"]
        proxy_protocol = "v1"
        [upstream.side]
        endpoints = ["<side>"]
        proxy_protocol = "v1"
        [plugin.calls]
        file = "calls.wasm"
        allow = ["http:side"]
        limits = { time = "2s" }
        [[route]]
        path = "/*"
        upstream = "app"
        middleware = ["calls"]
        "#;
    let gateway = Gateway::with(text).put("app", app.url()).put("side", side.url());
    let gateway = gateway.file("calls.wasm", hostile("calls")).start();
    let request = Request::get("/").with("x-evil", "r").with("x-upstream", "side");
    let line = gateway.ask(request).text();
    assert!(line.starts_with("PROXY TCP4 127.0.0.1 "), "{line:?}");
    assert_eq!(lines.try_recv().unwrap(), line);
}

#[test]
fn the_oldest_connection_makes_room() {
    let app = Backend::scripted(with_its_line);
    let gateway = before(&app, "proxy_protocol = \"v1\"\nmax_idle = 2");
    let mut clients: Vec<_> = (0..3).map(|_| gateway.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.ask(Request::get("/")).status(), 200);
    }
    eventually("the first one's connection is closed", || app.open_connections() == 2);
    clients[2].ask(Request::get("/"));
    clients[1].ask(Request::get("/"));
    assert_eq!(app.connections(), 3);
}

#[test]
fn checks_speak_for_nobody() {
    let app = Backend::scripted(with_its_line);
    let health = "health = { path = \"/healthz\", interval = \"20ms\" }";
    let gateway = before(&app, &format!("proxy_protocol = \"v1\"\n{health}"));
    gateway.log().says("endpoint up");
    let app = Backend::scripted(|connection| {
        assert_eq!(connection.exactly(16).unwrap(), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let gateway = before(&app, &format!("proxy_protocol = \"v2\"\n{health}"));
    gateway.log().says("endpoint up");
}

/// A gateway behind which another one reads what the first one says, and tells its backend.
fn chain(app: &Backend, authority: &Authority, listener: &str, upstream: &str) -> (Gateway, Gateway) {
    let issued = authority.issue(&["127.0.0.1"]);
    let second = Gateway::before(app.url())
        .listener(&format!("proxy_protocol = true\n{listener}"))
        .file("cert.pem", &issued.certificate)
        .file("key.pem", &issued.key)
        .workers(1)
        .start();
    let scheme = if listener.contains("tls") { "https" } else { "http" };
    let text = format!(
        "[upstream.second]\nendpoints = [\"{scheme}://{}\"]\n{upstream}\n[[route]]\npath = \"/*\"\nupstream = \"second\"",
        second.address()
    );
    let first = Gateway::with(&text)
        .listener("trusted_proxies = [\"127.0.0.1\"]")
        .file("ca.pem", authority.pem())
        .workers(1)
        .start();
    (first, second)
}

#[test]
fn another_gateway_understands_it_over_every_protocol() {
    let (app, authority) = (Backend::named("app"), Authority::new());
    let tls = "tls = { certificate = \"cert.pem\", key = \"key.pem\" }";
    let trust = "tls = { ca = \"ca.pem\" }";
    let rows = [
        ("version 1", "", "proxy_protocol = \"v1\"".to_owned()),
        ("version 2", "", "proxy_protocol = \"v2\"".to_owned()),
        ("before HTTP/2", "", "proxy_protocol = \"v2\"\nprotocol = \"http2\"".to_owned()),
        ("before TLS", tls, format!("proxy_protocol = \"v2\"\nprotocol = \"http1\"\n{trust}")),
        ("before HTTP/2 in TLS", tls, format!("proxy_protocol = \"v2\"\n{trust}")),
    ];
    each_row(rows, |(_, listener, upstream)| {
        let (first, second) = chain(&app, &authority, listener, &upstream);
        for client in ["192.0.2.7", "2001:db8::7", "192.0.2.8", "192.0.2.7"] {
            app.forget();
            first.ask(Request::get("/").with("X-Forwarded-For", client));
            let told = app.received().get("x-forwarded-for").unwrap().to_owned();
            assert_eq!(told.rsplit(", ").next(), Some(client));
        }
        let accepted = second.metrics().value("listener_connections_accepted_total{listener=\"web\"}");
        assert!((3.0..=4.0).contains(&accepted), "{accepted} connections for three clients");
    });
}

#[test]
fn requests_of_one_client_share_a_connection_of_http_2() {
    let (app, authority) = (Backend::named("app"), Authority::new());
    let (first, second) = chain(&app, &authority, "", "proxy_protocol = \"v2\"\nprotocol = \"http2\"");
    let mut client = Http2::connect(first.address());
    for n in 0..10 {
        assert_eq!(client.ask(get2(&format!("/{n}"))).status(), 200);
    }
    let accepted = second.metrics().value("listener_connections_accepted_total{listener=\"web\"}");
    assert_eq!(accepted, 1.0);
}
