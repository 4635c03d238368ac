//! Clients that speak HTTP/2 in clear.

use std::time::Duration;

use crate::support::frames::{
    self, DATA, END_HEADERS, END_STREAM, Frames, GOAWAY, HEADERS, PING, RST_STREAM,
};
use crate::support::{Backend, Gate, Gateway, Http2, Reply, Request, each_row, eventually, get2, whole};

fn echo() -> Backend {
    Backend::answering(|request| Reply::ok(request.body.clone()).with("x-target", request.target()))
}

#[test]
fn prior_knowledge_is_served_beside_http_1() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let mut client = Http2::connect(gateway.address());
    let answer = client.ask(get2("/a?b=%2F"));
    assert_eq!((answer.status(), answer.get("x-target")), (200, Some("/a?b=%2F")));
    assert_eq!(gateway.get("/b").get("x-target"), Some("/b"));
    let received = &app.requests()[0];
    assert_eq!(received.start, "GET /a?b=%2F HTTP/1.1");
    assert_eq!(received.get("host"), Some("gateway.test"));
    assert_eq!(received.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.get("x-forwarded-host"), Some("gateway.test"));
    assert_eq!(received.get("x-forwarded-proto"), Some("http"));
    assert_eq!(gateway.log().access("/a?b=%2F")["protocol"], "HTTP/2.0");
}

#[test]
fn a_preface_in_pieces_is_http_2_and_its_beginning_alone_is_not() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    for piece in ["P", "RI * HTTP", "/2.0\r\n\r\nSM\r", "\n\r\n"] {
        client.send(piece);
        // Let it arrive alone: what follows must not depend on it.
        std::thread::sleep(Duration::from_millis(20));
    }
    client.send(frames::frame(frames::SETTINGS, 0, 0, &[]));
    assert_eq!(client.exactly(9).unwrap()[3], frames::SETTINGS);
    let mut client = gateway.connect();
    client.send("P");
    std::thread::sleep(Duration::from_millis(20));
    client.send("OST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok");
    assert_eq!(client.response().text(), "ok");
}

#[test]
fn where_http_2_is_off_its_preface_ends_the_connection() {
    let app = echo();
    let gateway = Gateway::before(app.url()).listener("http2 = false").start();
    let mut client = gateway.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(client.rest().starts_with(b"HTTP/1.1 505 "), "and says why");
    assert_eq!(gateway.get("/b").status(), 200);
}

#[test]
fn many_requests_share_a_connection() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::answering(move |request| {
        held.wait();
        Reply::ok(request.target())
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Http2::connect(gateway.address());
    let opener = std::thread::spawn(move || {
        eventually("all requests are open at a time", || app.requests().len() == 50);
        gate.open();
        app
    });
    let answers = client.ask_all((0..50).map(|n| get2(&format!("/{n}"))).collect());
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.text(), format!("/{n}"));
    }
    drop(opener.join());
}

#[test]
fn bodies_go_both_ways() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let mut client = Http2::connect(gateway.address());
    let big: Vec<u8> = (0..3_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
    let post = |path: &str, body: Vec<u8>| http::Request::post(path).body(whole(body)).unwrap();
    let answers = client.ask_all(vec![
        post("http://gateway.test/a", big.clone()),
        post("http://gateway.test/b", b"small".to_vec()),
    ]);
    assert!(answers[0].body == big);
    assert_eq!(answers[1].text(), "small");
    let received = app.requests();
    let small = received.iter().find(|request| request.target() == "/b").unwrap();
    assert_eq!((small.get("content-length"), small.get("transfer-encoding")), (Some("5"), None));
}

#[test]
fn trailers_of_a_response_arrive() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send(
                "HTTP/1.1 200 OK\r\nTrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n\
                 2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n",
            );
        }
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = Http2::connect(gateway.address());
    for _ in 0..2 {
        let request = http::Request::get("http://gateway.test/t").header("te", "trailers");
        let answer = client.ask(request.body(whole("")).unwrap());
        assert_eq!(
            (answer.text().as_str(), answer.trailers.unwrap()["x-sum"].to_str().unwrap()),
            ("ok", "7")
        );
    }
    assert_eq!(app.received().get("te"), Some("trailers"));
    assert_eq!(app.connections(), 1, "a response with trailers ends like any other");
    assert_eq!(gateway.log().access("/t")["complete"], true);
}

#[test]
fn responses_without_a_body_have_none() {
    let app = Backend::answering(|request| match request.target() {
        "/204" => Reply::status(204),
        "/304" => Reply::status(304).with("etag", "\"a\""),
        _ => Reply::ok("body").with("connection", "keep-alive, x-hop").with("x-hop", "1"),
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = Http2::connect(gateway.address());
    let head =
        |path: &str| http::Request::head(format!("http://gateway.test{path}")).body(whole("")).unwrap();
    let answers = client.ask_all(vec![head("/"), get2("/204"), get2("/304"), get2("/")]);
    assert_eq!(
        (answers[0].status(), answers[0].get("content-length"), answers[0].body.len()),
        (200, Some("4"), 0)
    );
    assert_eq!((answers[1].status(), answers[1].body.len()), (204, 0));
    assert_eq!((answers[2].status(), answers[2].body.len()), (304, 0));
    assert_eq!((answers[3].get("connection"), answers[3].get("x-hop")), (None, None));
}

#[test]
fn the_body_of_an_error_is_left_out_of_the_answer_to_head() {
    let app = echo();
    let gateway = Gateway::with(
        "[upstream.app]\nendpoints = [\"<app>\"]\n[[route]]\npath = \"/here\"\nupstream = \"app\"",
    )
    .put("app", app.url())
    .start();
    let mut client = Http2::connect(gateway.address());
    let head = http::Request::head("http://gateway.test/nowhere").body(whole("")).unwrap();
    let answer = client.ask(head);
    assert_eq!((answer.status(), answer.body.len()), (404, 0));
    assert!(!client.ask(get2("/nowhere")).body.is_empty());
}

#[test]
fn a_cookie_in_crumbs_reaches_http_1_in_one_field() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let request = http::Request::get("http://gateway.test/").header("cookie", "a=1").header("cookie", "b=2");
    Http2::connect(gateway.address()).ask(request.body(whole("")).unwrap());
    assert_eq!(app.received().all("cookie"), ["a=1; b=2"]);
}

#[test]
fn connect_is_refused() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let request = http::Request::connect("other.test:443").body(whole("")).unwrap();
    assert_eq!(Http2::connect(gateway.address()).ask(request).status(), 501);
    assert_eq!(app.requests().len(), 0);
}

/// What comes of a request with these fields: the status where it is answered, else the error of its stream.
fn refused(gateway: &Gateway, fields: &[(&str, &str)], body: Option<&[u8]>) -> bool {
    let mut client = Frames::connect(gateway.address());
    let end = if body.is_none() { END_STREAM } else { 0 };
    client.send(HEADERS, END_HEADERS | end, 1, &frames::block(fields));
    if let Some(body) = body {
        client.send(DATA, END_STREAM, 1, body);
    }
    let answer = client.next_that(|frame| matches!(frame.kind, RST_STREAM | HEADERS | GOAWAY));
    // The connection goes on for everybody else's requests.
    match answer {
        Some(frame) if frame.kind == RST_STREAM => {
            client.send(HEADERS, END_HEADERS | END_STREAM, 3, &frames::get("/next"));
            client.on(3, HEADERS);
            true
        }
        Some(frame) => frame.kind == GOAWAY,
        None => true,
    }
}

#[test]
fn what_would_be_another_message_in_http_1_is_refused() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let fields_of =
        |path| [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "gateway.test")];
    let plain = fields_of("/bad");
    let with = |name, value| [&plain[..], &[(name, value)]].concat();
    let of = |path| fields_of(path).to_vec();
    let rows: [(&str, Vec<_>, Option<&[u8]>); 20] = [
        ("Connection", with("connection", "close"), None),
        ("Transfer-Encoding", with("transfer-encoding", "chunked"), None),
        ("Upgrade", with("upgrade", "websocket"), None),
        ("Keep-Alive", with("keep-alive", "1"), None),
        ("Proxy-Connection", with("proxy-connection", "close"), None),
        ("TE other than trailers", with("te", "gzip"), None),
        ("a name with capitals", with("X-Upper", "1"), None),
        ("CR LF in a value", with("x-a", "1\r\nx-b: 2"), None),
        ("LF in a value", with("x-a", "1\nx-b: 2"), None),
        ("NUL in a value", with("x-a", "1\0"), None),
        ("CR LF in a name", with("x-a: 1\r\nx-b", "2"), None),
        ("a second path, behind the others", with(":path", "/again"), None),
        ("a pseudo-field that nobody knows", with(":unknown", "1"), None),
        ("a length without a body", with("content-length", "1"), None),
        ("a body longer than its length", with("content-length", "1"), Some(b"12")),
        ("a body shorter than its length", with("content-length", "3"), Some(b"12")),
        ("a space in the path", of("/a b"), None),
        ("CR LF in the path", of("/a\r\nx: y"), None),
        ("an empty path", of(""), None),
        ("a path without a slash", of("no-slash"), None),
    ];
    each_row(rows, |(_, fields, body)| {
        app.forget();
        assert!(refused(&gateway, &fields, body), "it is answered");
        assert!(app.requests().iter().all(|request| request.target() == "/next"), "{:?}", app.requests());
    });
}

#[test]
fn an_authority_that_is_not_the_host_is_a_bad_request() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let ask = |uri: &str, host: Option<&str>| {
        let mut request = http::Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        Http2::connect(gateway.address()).ask(request.body(whole("")).unwrap()).status()
    };
    assert_eq!(ask("http://gateway.test/", Some("other.test")), 400);
    assert_eq!(ask("http://user@gateway.test/", None), 400);
    assert_eq!(app.requests().len(), 0);
    assert_eq!(ask("http://gateway.test/", Some("gateway.test")), 200);
    assert_eq!(app.received().all("host"), ["gateway.test"]);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let app = echo();
    let gateway = Gateway::before(app.url()).listener("max_head = \"8KiB\"").start();
    let ask = |size: usize| {
        let request = http::Request::get("http://gateway.test/").header("x-big", "x".repeat(size));
        Http2::connect(gateway.address()).try_ask_all(vec![request.body(whole("")).unwrap()]).pop().unwrap()
    };
    assert_eq!(ask(6000).unwrap().status(), 200);
    assert_eq!(ask(9000).unwrap().status(), 431);
}

#[test]
fn a_request_that_is_taken_back_is_taken_back_from_the_upstream() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &frames::get("/slow"));
    app.received();
    client.send(RST_STREAM, 0, 1, &8u32.to_be_bytes());
    eventually("the upstream's connection ends", || app.open_connections() == 0);
    assert_eq!(gateway.log().access("/slow")["status"], 499);
}

#[test]
fn a_drain_lets_open_streams_finish_and_refuses_new_ones() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::answering(move |_| {
        held.wait();
        Reply::ok("done")
    });
    let mut gateway = Gateway::before(app.url()).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &frames::get("/slow"));
    app.received();
    gateway.signal("TERM");
    assert_eq!(client.on(0, GOAWAY).error(), 0);
    // The gateway waits for this: whatever was sent before it has then arrived.
    let ping = client.on(0, PING);
    client.send(PING, 1, 0, &ping.payload);
    gate.open();
    assert_eq!(client.on(1, DATA).payload, b"done");
    assert_eq!(client.end(), None);
    assert!(gateway.exit().success());
}

#[test]
fn a_listener_that_goes_says_goodbye_and_the_rest_is_undisturbed() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &frames::get("/a"));
    client.on(1, HEADERS);
    let text = "[listener.other]\nlisten = \"127.0.0.1:0\"\n[upstream.app]\nendpoints = [\"<app>\"]\n[[route]]\npath = \"/*\"\nupstream = \"app\"";
    gateway.configure(text);
    assert!(gateway.sighup());
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, &frames::get("/b"));
    client.on(3, HEADERS);
}

#[test]
fn a_connection_without_streams_is_closed_when_it_has_idled() {
    let app = echo();
    let gateway = Gateway::before(app.url()).listener("idle_timeout = \"200ms\"").start();
    let mut client = Frames::connect(gateway.address());
    assert_eq!(client.end(), Some(0));
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &frames::get("/a"));
    client.on(1, HEADERS);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn bytes_that_never_become_a_preface_are_given_up() {
    let app = echo();
    let gateway = Gateway::before(app.url()).listener("header_timeout = \"200ms\"").start();
    let mut client = gateway.connect();
    client.send("PRI * HT");
    assert!(client.ends());
}

#[test]
fn an_open_stream_keeps_the_connection() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::answering(move |request| {
        if request.target() == "/slow" {
            held.wait();
        }
        Reply::ok("done")
    });
    let keys = "idle_timeout = \"100ms\"\nheader_timeout = \"100ms\"";
    let gateway = Gateway::before(app.url()).listener(keys).start();
    let mut client = Frames::connect(gateway.address());
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &frames::get("/slow"));
    app.received();
    for stream in [3, 5, 7] {
        // Longer than both timeouts: nothing may strike.
        std::thread::sleep(Duration::from_millis(250));
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &frames::get("/fast"));
        client.on(stream, DATA);
    }
    gate.open();
    assert_eq!(client.on(1, DATA).payload, b"done");
}

#[test]
fn streams_beyond_the_limit_wait_or_are_refused() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::answering(move |_| {
        held.wait();
        Reply::ok("done")
    });
    let gateway = Gateway::before(app.url()).listener("max_streams = 2").start();
    let mut client = Frames::connect(gateway.address());
    for stream in [1, 3, 5] {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &frames::get("/"));
    }
    // REFUSED_STREAM: it may be asked again.
    assert_eq!(client.on(5, RST_STREAM).error(), 7);
    gate.open();
    client.on(1, HEADERS);
}

#[test]
fn http_1_goes_on_as_before_on_the_same_listener() {
    let app = echo();
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    for n in 0..3 {
        assert_eq!(client.ask(Request::post("/", format!("{n}"))).text(), format!("{n}"));
    }
}
