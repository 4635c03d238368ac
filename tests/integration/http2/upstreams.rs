//! Endpoints that speak HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use tokio::time::timeout;

use crate::support::frames::{
    self, CONTINUATION, END_HEADERS, END_STREAM, GOAWAY, HEADERS, RST_STREAM, SETTINGS, frame,
};
use crate::support::{
    Authority, Backend, DEADLINE, Front, Gateway, Http2, Http2Backend, Request, Secure, Setup, eventually,
    get2, pieces, whole,
};

fn before(keys: &str) -> Setup {
    Gateway::with(&format!(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        {keys}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    ))
    .workers(1)
}

#[test]
fn requests_of_all_clients_share_a_connection() {
    let app = Http2Backend::echo();
    let gateway = before("protocol = \"http2\"").put("app", app.url()).start();
    let mut client = Http2::connect(gateway.address());
    let post = |n: usize| http::Request::post("http://gateway.test/a").body(whole(format!("{n}"))).unwrap();
    let answers = client.ask_all((0..50).map(post).collect());
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!((answer.status(), answer.text()), (200, format!("{n}")));
        assert_eq!(answer.trailers.as_ref().unwrap()["grpc-status"], "0");
    }
    assert_eq!(gateway.ask(Request::post("/b?c=%2F", "body")).text(), "body");
    assert_eq!(app.connections(), 1);
    let head = app.heads().pop().unwrap();
    assert_eq!(head.uri, "http://gateway.test/b?c=%2F");
    assert!(!head.headers.contains_key("host") && !head.headers.contains_key("connection"), "{head:?}");
    assert_eq!(head.headers["x-forwarded-for"], "127.0.0.1");
}

#[test]
fn both_sides_may_speak_in_turn() {
    let app = Http2Backend::echo();
    let gateway = before("protocol = \"http2\"").put("app", app.url()).start();
    let client = Http2::connect(gateway.address());
    let (sender, body) = pieces();
    let request =
        http::Request::post("http://gateway.test/grpc").header("te", "trailers").body(body).unwrap();
    let mut requests = client.sender.clone();
    client.runtime.block_on(async {
        let told = timeout(DEADLINE, async {
            let mut response = requests.send_request(request).await.unwrap();
            for n in 0..5 {
                sender.send(Bytes::from(format!("message {n}"))).unwrap();
                let frame = response.frame().await.unwrap().unwrap();
                assert_eq!(frame.into_data().unwrap(), format!("message {n}"));
            }
            drop(sender);
            response.collect().await.unwrap().trailers().unwrap()["grpc-status"].clone()
        });
        assert_eq!(told.await.unwrap(), "0");
    });
    assert_eq!(app.heads()[0].headers["te"], "trailers");
}

#[test]
fn a_client_that_takes_its_request_back_cancels_it_upstream_and_nothing_else() {
    let app = Http2Backend::echo();
    let gateway = before("protocol = \"http2\"").put("app", app.url()).start();
    let client = Http2::connect(gateway.address());
    let (sender, body) = pieces();
    let mut requests = client.sender.clone();
    let response = client.runtime.block_on(async {
        let request = http::Request::post("http://gateway.test/slow").body(body).unwrap();
        requests.send_request(request).await.unwrap()
    });
    assert_eq!(app.open(), 1);
    drop((response, sender, requests, client));
    eventually("the upstream's response has ended", || app.open() == 0);
    assert_eq!(gateway.ask(Request::post("/next", "body")).text(), "body");
    assert_eq!(app.connections(), 1);
}

/// Speaks HTTP/2 by hand: settings first, then `answer` with what follows each HEADERS frame.
fn by_hand(answer: impl Fn(usize, u32) -> Vec<u8> + Send + Sync + 'static) -> Backend {
    let count = Arc::new(AtomicUsize::new(0));
    Backend::scripted(move |connection| {
        if connection.exactly(24).is_err() {
            return;
        }
        connection.send(frame(SETTINGS, 0, 0, &[]));
        while let Ok(head) = connection.exactly(9) {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if connection.exactly(length).is_err() {
                return;
            }
            let stream = u32::from_be_bytes(head[5..9].try_into().unwrap());
            if head[3] == HEADERS
                && connection.try_send(answer(count.fetch_add(1, Ordering::SeqCst), stream)).is_err()
            {
                return;
            }
        }
    })
}

/// A response with status 200 and no body.
fn ok(stream: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream, &[0x88])
}

#[test]
fn a_refused_stream_goes_to_another_endpoint() {
    let refusing = by_hand(|_, stream| frame(RST_STREAM, 0, stream, &7u32.to_be_bytes()));
    let app = Http2Backend::echo();
    let gateway = before("protocol = \"http2\"\nretries = 0")
        .put("app", format!("{}\", \"{}", refusing.url(), app.url()))
        .start();
    for n in 0..6 {
        let request = Request::new("POST", &format!("/{n}"));
        assert_eq!(gateway.ask(request).status(), 200, "request {n}");
    }
    assert_eq!(app.heads().len(), 6);
}

#[test]
fn a_connection_that_says_goodbye_is_replaced() {
    let app = by_hand(|_, stream| {
        let last = [stream.to_be_bytes(), [0; 4]].concat();
        [ok(stream), frame(GOAWAY, 0, 0, &last)].concat()
    });
    let gateway = before("protocol = \"http2\"").put("app", app.url()).start();
    for _ in 0..3 {
        assert_eq!(gateway.get("/").status(), 200);
    }
    assert!(app.connections() > 1);
}

#[test]
fn over_tls_both_sides_agree_on_what_is_spoken() {
    let (app, old, authority) = (Http2Backend::echo(), Backend::named("old"), Authority::new());
    let issued = authority.issue(&["127.0.0.1"]);
    let both = Front::of(app.address, &issued, None, &[b"h2", b"http/1.1"]);
    let http1 = Front::of(old.url()[7..].parse().unwrap(), &issued, None, &[b"http/1.1"]);
    let with = |url: String, keys: &str| {
        before(&format!("tls = {{ ca = \"ca.pem\" }}\n{keys}"))
            .put("app", url)
            .file("ca.pem", authority.pem())
            .start()
    };
    let gateway = with(both.url(), "");
    for n in 0..3 {
        assert_eq!(gateway.ask(Request::post("/", format!("{n}"))).text(), format!("{n}"));
    }
    assert_eq!(app.connections(), 1);
    assert_eq!(app.heads()[0].uri.scheme_str(), Some("https"));
    assert_eq!(with(http1.url(), "").get("/").text(), "old");
    assert_eq!(with(http1.url(), "protocol = \"http2\"").get("/").status(), 502);
    with(both.url(), "protocol = \"http1\"").get("/");
    assert_eq!(both.seen.lock().unwrap().pop().unwrap().1.as_deref(), Some(&b"http/1.1"[..]));
}

#[test]
fn http_2_over_tls_on_both_sides() {
    let (app, authority) = (Http2Backend::echo(), Authority::new());
    let issued = authority.issue(&["127.0.0.1", "gateway.test"]);
    let front = Front::of(app.address, &issued, None, &[b"h2"]);
    let gateway = before("protocol = \"http2\"\ntls = { ca = \"ca.pem\" }")
        .put("app", front.url())
        .listener("tls = { certificate = \"cert.pem\", key = \"key.pem\" }")
        .file("ca.pem", authority.pem())
        .file("cert.pem", &issued.certificate)
        .file("key.pem", &issued.key)
        .start();
    let (address, _) = Secure::trusting(&authority).offering(&[b"h2"]).to(gateway.address(), "gateway.test");
    let answer = Http2::connect(address).ask(get2("/"));
    assert_eq!((answer.status(), answer.trailers.unwrap()["grpc-status"].to_str().unwrap()), (200, "0"));
}

/// A response with a field of `length` bytes, in as many frames as it takes.
fn large(stream: u32, length: usize) -> Vec<u8> {
    let fields = frames::block(&[("x-large", &"y".repeat(length))]);
    let block = [&[0x88], &fields[..]].concat();
    let mut pieces = block.chunks(16 << 10).peekable();
    let mut bytes = Vec::new();
    let mut kind = HEADERS;
    while let Some(piece) = pieces.next() {
        let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
        let ends = if kind == HEADERS { END_STREAM } else { 0 };
        bytes.extend(frame(kind, end | ends, stream, piece));
        kind = CONTINUATION;
    }
    bytes
}

#[test]
fn a_head_that_is_too_large_is_a_bad_gateway() {
    let app = by_hand(|n, stream| large(stream, [7_000, 12_000, 30_000, 7_000][n]));
    let gateway = before("protocol = \"http2\"\nretries = 0\nmax_response_head = \"8KiB\"")
        .put("app", app.url())
        .start();
    assert_eq!(gateway.get("/").status(), 200);
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("is larger than `max_response_head`");
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("malformed, or much larger than `max_response_head`");
    assert_eq!(gateway.get("/").status(), 200);
    assert_eq!(app.connections(), 1, "the others of the connection are undisturbed");
}

#[test]
fn a_head_of_too_many_fields_is_a_bad_gateway() {
    let app = by_hand(|n, stream| {
        let fields = frames::block(&vec![("a", "b"); [20, 21][n]]);
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &[&[0x88], &fields[..]].concat())
    });
    let gateway =
        before("protocol = \"http2\"\nretries = 0\nmax_response_headers = 20").put("app", app.url());
    let gateway = gateway.start();
    assert_eq!(gateway.get("/").status(), 200);
    assert_eq!(gateway.get("/").status(), 502);
    gateway.log().says("`max_response_headers`");
}
