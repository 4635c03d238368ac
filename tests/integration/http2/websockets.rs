//! WebSocket over HTTP/2 (RFC 8441), on either side of the gateway and on both.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::support::frames::{
    self, DATA, END_HEADERS, END_STREAM, Frame, Frames, GOAWAY, HEADERS, PING as H2_PING, RST_STREAM,
    SETTINGS, WINDOW_UPDATE,
};
use crate::support::websocket::{self, CLOSE, PING, PONG, TEXT, accept, masked, plain};
use crate::support::{
    Answer, Authority, Backend, Connection, DEADLINE, Front, Gateway, Http2, Http2Backend, Message, Reply,
    Request, Setup, each_row, eventually, whole,
};

const OK: u8 = 0x88;

/// The answer to a handshake, with further fields.
fn switching(request: &Message, fields: &str) -> String {
    let accept = accept(request.get("sec-websocket-key").unwrap_or_default());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{fields}\r\n"
    )
}

/// Agrees, and sends messages back until it is told to close.
fn echo(connection: &mut Connection) {
    let Some(request) = connection.request() else { return };
    connection.send(switching(&request, "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x\r\n"));
    while let Ok((opcode, payload)) = websocket::read(connection) {
        let answer = if opcode == PING { PONG } else { opcode };
        connection.send(plain(answer, &payload));
        if opcode == CLOSE {
            return;
        }
    }
}

/// The block of an extended CONNECT.
fn handshake(protocol: &str, path: &str) -> Vec<u8> {
    frames::block(&[
        (":method", "CONNECT"),
        (":protocol", protocol),
        (":scheme", "http"),
        (":path", path),
        (":authority", "gateway.test"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "the client's own"),
        ("sec-websocket-protocol", "chat, other"),
        ("origin", "http://gateway.test"),
    ])
}

/// Opens a tunnel on stream 1.
#[track_caller]
fn open(gateway: &Gateway) -> Frames {
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS, 1, &handshake("websocket", "/ws"));
    let head = client.on(1, HEADERS);
    assert_eq!((head.payload[0], head.flags & END_STREAM), (OK, 0), "{head:?}");
    client
}

/// The bytes of the next DATA frames, `length` of them.
#[track_caller]
fn data(client: &mut Frames, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend(client.on(1, DATA).payload);
    }
    bytes
}

fn ends_stream(frame: &Frame) -> bool {
    frame.stream == 1 && frame.kind == DATA && frame.flags & END_STREAM != 0
}

/// An extended CONNECT as clients with a library make it.
fn connect(path: &str, protocol: &'static str) -> http::Request<crate::support::Outgoing> {
    http::Request::connect(format!("http://gateway.test{path}"))
        .extension(Protocol::from_static(protocol))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(whole(""))
        .unwrap()
}

fn ask(gateway: &Gateway, path: &str) -> Answer {
    Http2::connect(gateway.address()).ask(connect(path, "websocket"))
}

#[test]
fn an_endpoint_that_speaks_http_1_sees_an_upgrade() {
    let app = Backend::scripted(echo);
    let gateway = Gateway::before(app.url()).start();
    let mut client = Frames::connect(gateway.address());
    let settings = client.on(0, SETTINGS).payload;
    assert!(settings.chunks(6).any(|setting| setting == [0, 8, 0, 0, 0, 1]), "{settings:?}");
    client.send(HEADERS, END_HEADERS, 1, &handshake("websocket", "/ws?room=%2F"));
    let head = client.on(1, HEADERS);
    assert_eq!((head.payload[0], head.flags & END_STREAM), (OK, 0));

    let hello = masked(TEXT, b"hello");
    // Frames of HTTP/2 are none of WebSocket.
    client.send(DATA, 0, 1, &hello[..3]);
    client.send(DATA, 0, 1, &hello[3..]);
    assert_eq!(data(&mut client, 7), plain(TEXT, b"hello"));
    client.send(DATA, 0, 1, &masked(PING, b"there?"));
    assert_eq!(data(&mut client, 8), plain(PONG, b"there?"));
    client.send(DATA, 0, 1, &masked(CLOSE, &[3, 232]));
    assert_eq!(data(&mut client, 4), plain(CLOSE, &[3, 232]));
    assert!(client.next_that(ends_stream).is_some());
    client.send(DATA, END_STREAM, 1, b"");
    eventually("the tunnel ends", || app.open_connections() == 0);

    let received = app.received();
    assert_eq!(received.start, "GET /ws?room=%2F HTTP/1.1");
    let key = received.get("sec-websocket-key").unwrap();
    assert_eq!(STANDARD.decode(key).unwrap().len(), 16, "{key:?} is no key");
    for (name, value) in [
        ("host", "gateway.test"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat, other"),
        ("origin", "http://gateway.test"),
    ] {
        assert_eq!(received.all(name), [value], "{name}");
    }
    assert!(!received.has("content-length") && !received.has("transfer-encoding"));
    let line = gateway.log().access("/ws?room=%2F");
    assert_eq!(
        (&line["method"], &line["status"], &line["complete"]),
        (&"CONNECT".into(), &101.into(), &true.into())
    );
    gateway.log().says("tunnel ended");
}

#[test]
fn the_client_hears_what_was_agreed_on_and_nothing_of_http_1() {
    let app = Backend::scripted(echo);
    let gateway = Gateway::before(app.url()).start();
    let client = Http2::connect(gateway.address());
    let mut requests = client.sender.clone();
    client.runtime.block_on(async {
        let mut response = requests.send_request(connect("/", "websocket")).await.unwrap();
        assert_eq!(response.status(), 200);
        let headers = response.headers();
        assert_eq!(headers["sec-websocket-protocol"], "chat");
        assert_eq!(headers["sec-websocket-extensions"], "x");
        for gone in ["sec-websocket-accept", "upgrade", "connection", "content-length"] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
        let mut tunnel = TokioIo::new(hyper::upgrade::on(&mut response).await.unwrap());
        for n in 0..100 {
            let message = format!("message {n} {}", "x".repeat(n * 700));
            tunnel.write_all(&masked(TEXT, message.as_bytes())).await.unwrap();
            let mut back = vec![0; plain(TEXT, message.as_bytes()).len()];
            timeout(DEADLINE, tunnel.read_exact(&mut back)).await.unwrap().unwrap();
            assert!(back.ends_with(message.as_bytes()));
        }
    });
}

#[test]
fn each_side_may_end_while_the_other_goes_on() {
    let app = Backend::scripted(|connection| {
        let Some(request) = connection.request() else { return };
        connection.send(switching(&request, ""));
        let all = connection.rest();
        connection.send(format!("{} bytes", all.len()));
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = open(&gateway);
    client.send(DATA, 0, 1, b"123");
    client.send(DATA, END_STREAM, 1, b"45");
    assert_eq!(data(&mut client, 7), b"5 bytes");
    assert!(client.next_that(ends_stream).is_some());

    let app = Backend::scripted(|connection| {
        let Some(request) = connection.request() else { return };
        connection.send(switching(&request, ""));
        connection.finish();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = open(&gateway);
    assert!(client.next_that(ends_stream).is_some());
    client.send(DATA, 0, 1, b"still here");
    assert_eq!(app.open_connections(), 1);
    client.send(DATA, END_STREAM, 1, b"");
    eventually("the tunnel ends", || app.open_connections() == 0);
}

#[test]
fn a_client_that_does_not_read_holds_the_endpoint_back() {
    const ALL: usize = 48 << 20;
    let app = Backend::scripted(|connection| {
        let Some(request) = connection.request() else { return };
        connection.send(switching(&request, ""));
        let _ = connection.try_send(vec![7; ALL]);
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let before = gateway.memory();
    let mut client = open(&gateway);
    // All that it may send before it is asked for more.
    let mut read = data(&mut client, 65_535).len();
    client.send(WINDOW_UPDATE, 0, 0, &(1u32 << 30).to_be_bytes());
    while read < ALL {
        client.send(WINDOW_UPDATE, 0, 1, &(1u32 << 16).to_be_bytes());
        read += data(&mut client, (1 << 16).min(ALL - read)).len();
    }
    assert_eq!(read, ALL);
    let more = gateway.peak_memory() - before;
    assert!(more < 16 << 10, "{more} KiB were kept");
}

#[test]
fn a_drain_lets_tunnels_end_by_themselves() {
    let app = Backend::scripted(echo);
    let mut gateway = Gateway::before(app.url()).start();
    let mut client = open(&gateway);
    gateway.signal("TERM");
    assert_eq!(client.on(0, GOAWAY).error(), 0);
    let ping = client.on(0, H2_PING);
    client.send(H2_PING, 1, 0, &ping.payload);
    client.send(DATA, 0, 1, &masked(TEXT, b"still here"));
    assert_eq!(data(&mut client, 12), plain(TEXT, b"still here"));
    assert!(gateway.is_running());
    client.send(DATA, END_STREAM, 1, &masked(CLOSE, b""));
    assert_eq!(client.end(), None);
    assert!(gateway.exit().success());
}

#[test]
fn a_tunnel_keeps_its_connection_and_is_counted() {
    let app = Backend::scripted(echo);
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        max_in_flight = 1
        max_pending = 0
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    );
    let gateway = gateway.put("app", app.url()).listener("idle_timeout = \"100ms\"").start();
    let mut client = open(&gateway);
    // Another connection's idling shows that the time has passed, some times over.
    for _ in 0..3 {
        assert_eq!(Frames::connect(gateway.address()).end(), Some(0));
    }
    client.send(DATA, 0, 1, &masked(TEXT, b"hello"));
    assert_eq!(data(&mut client, 7), plain(TEXT, b"hello"));
    assert_eq!(gateway.get("/another").status(), 503, "it has the only place");
    client.send(DATA, END_STREAM, 1, &masked(CLOSE, b""));
    assert_eq!(client.end(), Some(0), "then it idles");
}

#[test]
fn an_answer_that_nobody_made_for_this_key_is_a_bad_gateway() {
    let rows = [
        ("no key", "Upgrade: websocket\r\n"),
        ("another key", "Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
        ("another protocol", "Upgrade: echo\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
    ];
    each_row(rows, |(_, answer)| {
        let app = Backend::scripted(move |connection| {
            connection.request();
            connection
                .send(format!("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n{answer}\r\n"));
            connection.rest();
        });
        let gateway = Gateway::before(app.url()).start();
        assert_eq!(ask(&gateway, "/").status(), 502);
        eventually("the endpoint's connection is closed", || app.open_connections() == 0);
    });
}

#[test]
fn an_endpoint_that_does_not_switch_has_its_say_unless_that_is_2xx() {
    let app = Backend::answering(|request| match request.target() {
        "/426" => Reply::status(426).with("x-why", "no"),
        _ => Reply::ok("a page").with("x-secret", "1"),
    });
    let gateway = Gateway::before(app.url()).start();
    let refused = ask(&gateway, "/426");
    assert_eq!((refused.status(), refused.get("x-why")), (426, Some("no")));
    let page = ask(&gateway, "/page");
    assert_eq!((page.status(), page.get("x-secret")), (501, None), "{}", page.text());
    gateway.log().says("instead of switching to WebSocket");
}

#[test]
fn other_protocols_and_plain_connect_are_not_implemented() {
    let app = Backend::scripted(echo);
    let gateway = Gateway::before(app.url()).start();
    let mut client = Http2::connect(gateway.address());
    each_row(["connect-udp", "webtransport", "h2c", "websocket2"], |protocol| {
        assert_eq!(client.ask(connect("/", protocol)).status(), 501);
    });
    let plain = http::Request::connect("other.test:443").body(whole("")).unwrap();
    assert_eq!(client.ask(plain).status(), 501);
    assert_eq!(app.connections(), 0);
    // `:protocol` is for CONNECT only.
    let mut client = Frames::connect(gateway.address());
    let mut head = frames::get("/");
    head.extend(frames::block(&[(":protocol", "websocket")]));
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head);
    client.on(1, RST_STREAM);
}

#[test]
fn routes_and_plugins_see_a_get() {
    let app = Backend::scripted(echo);
    let setup = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [plugin.api-key]
        file = "<plugins>/api-key.wasm"
        config = { keys = { k1 = "alice" } }
        [[route]]
        path = "/ws"
        methods = ["GET"]
        upstream = "app"
        middleware = ["api-key"]
        "#,
    );
    let gateway = setup.put("app", app.url()).start();
    assert_eq!(ask(&gateway, "/ws").status(), 401);
    let mut request = connect("/ws", "websocket");
    request.headers_mut().insert("x-api-key", "k1".parse().unwrap());
    let client = Http2::connect(gateway.address());
    let mut requests = client.sender.clone();
    let response = client.runtime.block_on(requests.send_request(request)).unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(app.received().method(), "GET");
}

fn by_http2(url: &str) -> Setup {
    Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        protocol = "http2"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", url)
    .workers(1)
}

#[test]
fn an_endpoint_that_speaks_http_2_sees_an_extended_connect() {
    let app = Http2Backend::tunnels();
    let gateway = by_http2(&app.url()).start();
    let mut client = open(&gateway);
    client.send(DATA, 0, 1, &masked(TEXT, b"hello"));
    assert_eq!(data(&mut client, 11), masked(TEXT, b"hello"));
    client.send(DATA, END_STREAM, 1, b"bye");
    assert_eq!(data(&mut client, 3), b"bye");
    assert!(client.next_that(ends_stream).is_some());
    let head = app.heads().pop().unwrap();
    assert_eq!((head.method.as_str(), head.uri.to_string()), ("CONNECT", "http://gateway.test/ws".into()));
    assert_eq!(head.extensions.get::<Protocol>().unwrap().as_ref(), b"websocket");
    assert_eq!(head.headers["sec-websocket-protocol"], "chat, other");
    assert!(!head.headers.contains_key("sec-websocket-key") && !head.headers.contains_key("host"));
}

#[test]
fn an_upgrade_becomes_an_extended_connect_and_its_key_is_answered() {
    let app = Http2Backend::tunnels();
    let gateway = by_http2(&app.url()).start();
    for _ in 0..3 {
        let mut client = gateway.connect();
        client.send(
            "GET /ws HTTP/1.1\r\nHost: gateway.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
        let head = client.head().unwrap();
        assert_eq!((head.status(), head.get("upgrade")), (101, Some("websocket")), "{head:?}");
        assert_eq!(head.get("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        assert_eq!(head.get("sec-websocket-protocol"), Some("chat"));
        client.send(masked(TEXT, b"hello"));
        assert_eq!(client.exactly(11).unwrap(), masked(TEXT, b"hello"));
        client.finish();
        assert!(client.ends());
    }
    assert_eq!(app.connections(), 1, "tunnels share a connection");
    let head = app.heads().pop().unwrap();
    assert_eq!(head.method, "CONNECT");
    assert!(!head.headers.contains_key("sec-websocket-key"));
}

#[test]
fn an_endpoint_that_has_not_announced_it_is_not_asked() {
    let app = Http2Backend::echo();
    let gateway = by_http2(&app.url()).start();
    assert_eq!(ask(&gateway, "/").status(), 502);
    gateway.log().says("has not announced extended CONNECT");
    assert_eq!(app.heads().len(), 0);
    assert_eq!(gateway.ask(Request::post("/", "body")).text(), "body");
}

#[test]
fn where_both_sides_may_choose_an_upgrade_is_a_matter_of_http_1() {
    let (app, authority) = (Backend::scripted(echo), Authority::new());
    let front = Front::of(app.address(), &authority.issue(&["127.0.0.1"]), None, &[b"h2", b"http/1.1"]);
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        tls = { ca = "ca.pem" }
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    );
    let gateway = gateway.put("app", front.url()).file("ca.pem", authority.pem()).start();
    let mut client = open(&gateway);
    client.send(DATA, 0, 1, &masked(TEXT, b"hello"));
    assert_eq!(data(&mut client, 7), plain(TEXT, b"hello"));
    assert_eq!(front.seen.lock().unwrap().pop().unwrap().1.as_deref(), Some(&b"http/1.1"[..]));
}
