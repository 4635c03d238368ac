//! What a proxy does to messages and connections: Go's `httputil.ReverseProxy` is the model.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::{Backend, Gate, Gateway, Refusing, Reply, Request, Wire, eventually};

// Heads.

#[test]
fn hop_by_hop_and_connection_listed_fields_stay_on_the_clients_side() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    gateway.ask(
        Request::get("/")
            .with("Connection", "keep-alive, X-Hop , close")
            .with("Connection", "x-other")
            .with("X-Hop", "1")
            .with("X-Other", "1")
            .with("Keep-Alive", "timeout=5")
            .with("Proxy-Connection", "keep-alive")
            .with("Proxy-Authenticate", "Basic")
            .with("Proxy-Authorization", "Basic eA==")
            .with("TE", "gzip")
            .with("Upgrade", "h2c")
            .with("X-End-To-End", "kept"),
    );
    let received = app.received();
    for gone in [
        "connection",
        "x-hop",
        "x-other",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "upgrade",
        "transfer-encoding",
    ] {
        assert!(!received.has(gone), "{gone} went through: {received:?}");
    }
    assert_eq!(received.get("x-end-to-end"), Some("kept"));
}

#[test]
fn hop_by_hop_and_connection_listed_fields_stay_on_the_upstreams_side() {
    let app = Backend::answering(|_| {
        Reply::ok("")
            .with("Connection", "x-hop")
            .with("X-Hop", "1")
            .with("Keep-Alive", "timeout=5")
            .with("Proxy-Authenticate", "Basic")
            .with("Upgrade", "h2c")
            .with("X-End-To-End", "kept")
            .with("Set-Cookie", "a=1")
            .with("Set-Cookie", "b=2")
    });
    let gateway = Gateway::before(app.url()).start();
    let response = gateway.get("/");
    for gone in ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert!(!response.has(gone), "{gone} went through: {response:?}");
    }
    assert_eq!(response.get("x-end-to-end"), Some("kept"));
    assert_eq!(response.all("set-cookie"), ["a=1", "b=2"]);
}

#[test]
fn a_client_cannot_delete_what_the_gateway_adds_by_naming_it_in_connection() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    gateway.ask(
        Request::get("/").with("Connection", "x-forwarded-for, x-forwarded-proto, x-forwarded-host, host"),
    );
    let received = app.received();
    assert_eq!(received.get("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.get("x-forwarded-proto"), Some("http"));
    assert_eq!(received.get("x-forwarded-host"), Some("gateway.test"));
    assert_eq!(received.get("host"), Some("gateway.test"));
}

#[test]
fn x_forwarded_fields_say_on_whose_behalf_the_request_is_sent() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    gateway.ask(
        Request::get("/")
            .with("Host", "shop.test:8080")
            .with("X-Forwarded-For", "10.0.0.1")
            .with("X-Forwarded-For", "10.0.0.2, 10.0.0.3")
            .with("X-Forwarded-Proto", "https")
            .with("X-Forwarded-Host", "forged.test"),
    );
    let received = app.received();
    assert_eq!(received.all("x-forwarded-for"), ["10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1"]);
    assert_eq!(received.all("x-forwarded-proto"), ["http"]);
    assert_eq!(received.all("x-forwarded-host"), ["shop.test:8080"]);
    assert_eq!(received.all("host"), ["shop.test:8080"]);
}

#[test]
fn the_upstreams_host_key_replaces_the_clients_host() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        host = "shop.internal"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    gateway.get("/");
    let received = app.received();
    assert_eq!(received.all("host"), ["shop.internal"]);
    assert_eq!(received.get("x-forwarded-host"), Some("gateway.test"));
}

#[test]
fn an_absolute_targets_host_counts_and_it_goes_on_as_a_path() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("GET http://shop.test/a?b=1 HTTP/1.1\r\nHost: other.test\r\n\r\n");
    assert_eq!(client.response().status(), 200);
    let received = app.received();
    assert_eq!(received.target(), "/a?b=1");
    assert_eq!(received.all("host"), ["shop.test"]);
}

#[test]
fn the_endpoints_base_path_is_joined_with_one_slash() {
    for (base, target, expected) in [
        ("/base", "/a", "/base/a"),
        ("/base/", "/a", "/base/a"),
        ("/base", "/", "/base/"),
        ("/ba%2Fse/x", "/a%20b", "/ba%2Fse/x/a%20b"),
        ("/base", "/a?q=1", "/base/a?q=1"),
        ("/", "/a", "/a"),
    ] {
        let app = Backend::named("app");
        let gateway = Gateway::before(format!("{}{base}", app.url())).start();
        gateway.get(target);
        assert_eq!(app.received().target(), expected, "{base} and {target}");
    }
}

#[test]
fn path_and_query_go_through_byte_for_byte() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    for target in [
        "/a%2Fb%2f%20c",
        "/a//b/.c/d..",
        "/;x=1/:@!$&'()*+,",
        "/?",
        "/?a=%2F&&b&c==;d",
        "/?q=a+b%20c&q=",
        "/%ff%00?%ff",
        "/a?b?c",
    ] {
        assert_eq!(client.ask(Request::get(target)).status(), 200, "{target}");
        assert_eq!(app.received().target(), target);
    }
}

#[test]
fn methods_go_through_as_they_are() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get"] {
        assert_eq!(gateway.ask(Request::new(method, "/")).status(), 200);
        assert_eq!(app.received().method(), method);
    }
}

#[test]
fn connect_is_not_served() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("CONNECT shop.test:443 HTTP/1.1\r\nHost: shop.test:443\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 501);
    assert!(app.requests().is_empty());
}

#[test]
fn two_hosts_are_a_bad_request() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let response = gateway.ask(Request::get("/").with("Host", "a.test").with("Host", "b.test"));
    assert_eq!(response.status(), 400);
    assert!(app.requests().is_empty());
}

#[test]
fn ambiguous_framing_does_not_reach_the_upstream() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 6",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding : chunked",
    ] {
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n\r\nhello!"));
        let refused = client.head().is_none_or(|head| head.status() == 400);
        assert!(refused, "{fields}");
    }
    assert!(app.requests().is_empty(), "{:?}", app.requests());
}

#[test]
fn a_length_beside_chunked_is_dropped_or_refused() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n\
         5\r\nhello\r\n0\r\n\r\n",
    );
    if client.head().is_some_and(|head| head.status() == 200) {
        let received = app.received();
        assert_eq!(received.text(), "hello");
        assert!(!(received.has("content-length") && received.has("transfer-encoding")), "{received:?}");
    } else {
        assert!(app.requests().is_empty());
    }
}

#[test]
fn a_response_is_framed_in_one_way_only() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send(
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        );
    });
    let gateway = Gateway::before(app.url()).start();
    let response = gateway.get("/");
    match response.status() {
        200 => {
            assert_eq!(response.text(), "hello");
            assert!(!(response.has("content-length") && response.has("transfer-encoding")), "{response:?}");
        }
        status => assert_eq!(status, 502),
    }
}

#[test]
fn values_that_are_not_text_go_through() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send(b"HTTP/1.1 200 OK\r\nX-Bytes: a\xff\xfeb\r\nContent-Length: 0\r\n\r\n");
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Bytes: \xff\xfe\r\n\r\n");
    let response = client.rest();
    assert!(
        response.windows(4).any(|bytes| bytes == b"a\xff\xfeb"),
        "{}",
        String::from_utf8_lossy(&response)
    );
    assert_eq!(app.received().get("x-bytes"), Some("\u{fffd}\u{fffd}"));
}

// Bodies.

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
    for length in [0, 1, 65_536, body.len()] {
        let response = client.ask(Request::post("/", &body[..length]));
        assert!(response.body == body[..length], "{length} bytes came back as {}", response.body.len());
    }
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

// Upgrades.

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

// Connections.

#[test]
fn one_upstream_connection_serves_sequential_requests() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut client = gateway.connect();
    for _ in 0..20 {
        assert_eq!(client.ask(Request::get("/")).text(), "app");
    }
    for _ in 0..5 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    assert_eq!(app.connections(), 1);
}

#[test]
fn max_idle_zero_keeps_no_connection() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        max_idle = 0
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    for _ in 0..3 {
        gateway.get("/");
    }
    assert_eq!(app.connections(), 3);
}

#[test]
fn requests_sent_ahead_are_answered_in_their_order() {
    let app = Backend::answering(|request| Reply::ok(request.target()));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    let both = [Request::get("/1").bytes(), Request::get("/2").bytes(), Request::get("/3").bytes()].concat();
    client.send(both);
    for expected in ["/1", "/2", "/3"] {
        assert_eq!(client.response().text(), expected);
    }
}

#[test]
fn the_clients_wish_to_close_is_respected() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/").with("Connection", "close")).text(), "app");
    assert!(client.ends());
}

#[test]
fn a_client_of_http_1_0_is_served() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        }
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("GET / HTTP/1.0\r\n\r\n");
    let head = client.head().unwrap();
    assert_eq!(head.status(), 200);
    assert!(!head.has("transfer-encoding"), "HTTP/1.0 knows no chunks: {head:?}");
    assert_eq!(client.rest(), b"abc");
    assert_eq!(app.received().start, "GET / HTTP/1.1");
}

#[test]
fn the_upstream_request_is_cancelled_when_the_client_goes_away() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(Request::get("/").bytes());
    app.received();
    drop(client);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn the_upstream_response_is_cancelled_when_the_client_goes_away() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while connection.try_send(format!("1000\r\n{}\r\n", "x".repeat(0x1000))).is_ok() {}
    });
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send(Request::get("/endless").bytes());
    assert_eq!(client.head().unwrap().status(), 200);
    drop(client);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
    assert_eq!(gateway.log().access("/endless")["complete"], false);
}

#[test]
fn a_refused_endpoint_is_skipped() {
    let (dead, app) = (Refusing::new(), Backend::named("app"));
    let gateway = Gateway::with(TWO).put("a", dead.url()).put("b", app.url()).start();
    for n in 0..6 {
        let response = gateway.ask(Request::post(&format!("/{n}"), "body"));
        assert_eq!((response.status(), response.text().as_str()), (200, "app"), "request {n}");
    }
    assert!(app.requests().iter().all(|request| request.body == b"body"));
}

const TWO: &str = r#"
[upstream.app]
endpoints = ["<a>", "<b>"]
[[route]]
path = "/*"
upstream = "app"
"#;

/// Answers the first request of the first connection, and closes it as the second one arrives.
fn stale() -> Backend {
    Backend::scripted(|connection| {
        let mut first = true;
        while connection.request().is_some() {
            if connection.number == 0 && !first {
                return;
            }
            first = false;
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
    })
}

#[test]
fn a_stale_pooled_connection_costs_an_idempotent_request_nothing() {
    let app = stale();
    let gateway = Gateway::before(app.url()).workers(1).start();
    assert_eq!(gateway.get("/1").status(), 200);
    assert_eq!(gateway.get("/2").status(), 200);
    assert_eq!(app.connections(), 2);
    assert_eq!(gateway.status()["upstreams"][0]["endpoints"][0]["fails"], 0, "it says nothing of its health");
}

#[test]
fn a_pooled_connection_closed_while_idle_costs_nothing() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    for n in 0..10 {
        assert_eq!(gateway.ask(Request::get("/")).status(), 200, "request {n}");
        eventually("the backend has closed it", || app.open_connections() == 0);
    }
}

#[test]
fn a_post_is_not_sent_again_once_it_was_sent() {
    let app = stale();
    let gateway = Gateway::before(app.url()).workers(1).start();
    assert_eq!(gateway.get("/1").status(), 200);
    assert_eq!(gateway.ask(Request::post("/2", "order a book")).status(), 502);
    let orders = app.requests().iter().filter(|request| request.method() == "POST").count();
    assert_eq!(orders, 1);
}

#[test]
fn a_post_that_broke_is_not_sent_to_another_endpoint() {
    let seen = Arc::new(AtomicUsize::new(0));
    let broken = || {
        let seen = Arc::clone(&seen);
        Backend::scripted(move |connection| {
            connection.request();
            seen.fetch_add(1, Ordering::SeqCst);
        })
    };
    let (a, b) = (broken(), broken());
    let gateway = Gateway::with(TWO).put("a", a.url()).put("b", b.url()).start();
    assert_eq!(gateway.ask(Request::post("/", "order a book")).status(), 502);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[test]
fn a_get_that_broke_is_sent_to_another_endpoint() {
    let (broken, app) = (Backend::scripted(|connection| drop(connection.request())), Backend::named("app"));
    let gateway = Gateway::with(TWO).put("a", broken.url()).put("b", app.url()).start();
    for n in 0..4 {
        assert_eq!(gateway.get("/").text(), "app", "request {n}");
    }
    assert!(!broken.requests().is_empty(), "the broken one was tried");
}

#[test]
fn an_endpoint_that_nobody_listens_on_is_a_bad_gateway() {
    let dead = Refusing::new();
    let gateway = Gateway::before(dead.url()).start();
    let response = gateway.get("/");
    assert_eq!(response.status(), 502);
    assert!(!response.text().contains(&dead.address().to_string()), "an answer tells nothing of the inside");
    let line = gateway.log().says("cannot connect");
    let id = line["request_id"].as_str().unwrap();
    assert!(response.text().contains(id), "the client can ask about {id}: {}", response.text());
}

#[test]
fn garbage_and_nothing_are_a_bad_gateway() {
    for answer in
        ["no HTTP at all\r\n\r\n", "HTTP/1.1 999999\r\n\r\n", "HTTP/1.1 200 OK\r\nbad field\r\n\r\n", ""]
    {
        let app = Backend::scripted(move |connection| {
            connection.request();
            let _ = connection.try_send(answer);
        });
        let gateway = Gateway::before(app.url()).start();
        assert_eq!(gateway.get("/").status(), 502, "{answer:?}");
    }
}

#[test]
fn no_usable_endpoint_is_service_unavailable() {
    let (a, b) = (Refusing::new(), Refusing::new());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<a>", "<b>"]
        max_fails = 1
        fail_timeout = "1h"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("a", a.url())
    .put("b", b.url())
    .start();
    assert_eq!(gateway.get("/").status(), 502, "both are tried");
    assert_eq!(gateway.get("/").status(), 503, "both are out");
}

#[test]
fn an_upstream_that_takes_too_long_is_a_gateway_timeout() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.rest();
    });
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        response_timeout = "50ms"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    assert_eq!(gateway.get("/").status(), 504);
    eventually("the late request is cancelled", || app.open_connections() == 0);
    assert_eq!(app.requests().len(), 1, "it is not sent again");
}

#[test]
fn no_route_is_not_found() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [[route]]
        path = "/only"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    assert_eq!(gateway.get("/only").status(), 200);
    assert_eq!(gateway.get("/else").status(), 404);
}

#[test]
fn routes_are_chosen_by_host_path_method_and_header() {
    let [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map(Backend::named);
    let gateway = Gateway::with(
        r#"
        [upstream]
        a = { endpoints = ["<a>"] }
        b = { endpoints = ["<b>"] }
        c = { endpoints = ["<c>"] }
        d = { endpoints = ["<d>"] }
        e = { endpoints = ["<e>"] }
        [[route]]
        path = "/*"
        upstream = "a"
        [[route]]
        path = "/users/{id}"
        upstream = "b"
        [[route]]
        path = "/*"
        host = "shop.test"
        upstream = "c"
        [[route]]
        path = "/users/{id}"
        methods = ["DELETE"]
        upstream = "d"
        [[route]]
        path = "/*"
        headers = { x-beta = true }
        upstream = "e"
        "#,
    )
    .put("a", a.url())
    .put("b", b.url())
    .put("c", c.url())
    .put("d", d.url())
    .put("e", e.url())
    .start();
    for (request, expected) in [
        (Request::get("/"), "a"),
        (Request::get("/x/y"), "a"),
        (Request::get("/users/7"), "b"),
        (Request::get("/users/7/x"), "a"),
        (Request::get("/users/7").with("Host", "shop.test"), "c"),
        (Request::get("/").with("Host", "SHOP.test:8080"), "c"),
        (Request::new("DELETE", "/users/7"), "d"),
        (Request::get("/x").with("x-beta", "0"), "e"),
    ] {
        assert_eq!(gateway.ask(request.clone()).text(), expected, "{request:?}");
    }
}

// Clients that take too long or say too much.

#[test]
fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let app = Backend::answering(|request| Reply::ok(request.body.clone()));
    let gateway = Gateway::before(app.url()).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().unwrap().status(), 100);
    client.send("hello");
    assert_eq!(client.response().text(), "hello");
    assert!(!app.received().has("expect"));
}

#[test]
fn a_head_that_does_not_end_closes_the_connection() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"header_timeout = "100ms""#).start();
    let mut silent = gateway.connect();
    let mut slow = gateway.connect();
    slow.send("GET / HTTP/1.1\r\nHost: a.te");
    assert!(silent.rest().is_empty(), "no response to nothing");
    // The end, or a response that says why.
    slow.rest();
}

#[test]
fn a_head_that_does_not_end_closes_a_connection_that_had_been_idle() {
    const HEADER_TIMEOUT: Duration = Duration::from_millis(500);
    let app = Backend::named("app");
    let gateway =
        Gateway::before(app.url()).listener("idle_timeout = \"1h\"\nheader_timeout = \"500ms\"").start();
    // A first request in two pieces, so that the gateway waits for the second with the short timeout. On a machine that
    // takes too long over it, it is tried again.
    let mut client = gateway.connect();
    eventually("the first request is served", || {
        client = gateway.connect();
        client.send("GET / HTTP/1.1\r\n");
        thread::sleep(HEADER_TIMEOUT / 10);
        let sent = client.try_send("Host: a.test\r\n\r\n").is_ok();
        sent && client.head().is_some_and(|head| head.status() == 200)
    });
    assert_eq!(client.exactly(3).unwrap(), b"app");
    // Long enough for the gateway to have settled down to the long timeout.
    thread::sleep(HEADER_TIMEOUT * 2);
    client.send("GET / HTTP/1.1\r\nHost: a.te");
    client.rest();
}

#[test]
fn a_path_with_dot_segments_is_not_found() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    for target in ["/a/../b", "/..", "/a/./b", "/a/%2e%2E/b", "/a/..%2fb", "/."] {
        assert_eq!(gateway.get(target).status(), 404, "{target}");
    }
    assert!(app.requests().is_empty());
}

#[test]
fn an_idle_connection_is_closed() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"idle_timeout = "100ms""#).start();
    let mut client = gateway.connect();
    assert_eq!(client.ask(Request::get("/")).text(), "app");
    assert!(client.ends());
}

#[test]
fn an_open_exchange_is_not_idle() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        connection.request();
        held.wait();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    });
    let gateway =
        Gateway::before(app.url()).listener("idle_timeout = \"50ms\"\nheader_timeout = \"50ms\"").start();
    let mut waiting = gateway.connect();
    waiting.send(Request::get("/").bytes());
    app.received();
    // As long as another connection takes to run into the timeout, and then some.
    for _ in 0..3 {
        assert!(gateway.connect().ends());
    }
    gate.open();
    assert_eq!(waiting.response().text(), "late");
}

#[test]
fn a_body_that_pauses_for_too_long_ends_the_exchange() {
    let app = Backend::scripted(|connection| {
        connection.head();
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).listener(r#"body_timeout = "100ms""#).start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nthen silence");
    assert_eq!(client.head().unwrap().status(), 408);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn a_head_over_the_limit_is_refused() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener(r#"max_head = "8KiB""#).start();
    let response = gateway.ask(Request::get("/").with("x-long", &"x".repeat(6_000)));
    assert_eq!(response.status(), 200);
    let mut client = gateway.connect();
    // The gateway may answer and close before all of it is sent.
    let _ = client.try_send(Request::get("/").with("x-long", &"x".repeat(20_000)).bytes());
    assert_eq!(client.head().unwrap().status(), 431);
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn garbage_from_a_client_harms_nobody_else() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut client: Wire = gateway.connect();
        client.send(garbage);
        client.finish();
        let answer = client.rest();
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 400"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(gateway.get("/").text(), "app");
    assert_eq!(app.requests().len(), 1);
}
