//! What becomes of the heads of messages.

use crate::support::{Backend, Gateway, Reply, Request, each_row};

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
    let gone = [
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
    ];
    each_row(gone, |name| assert!(!received.has(name), "it went through: {received:?}"));
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
    let gone = ["connection", "x-hop", "keep-alive", "proxy-authenticate", "upgrade"];
    each_row(gone, |name| assert!(!response.has(name), "it went through: {response:?}"));
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
    let rows = [
        ("/base", "/a", "/base/a"),
        ("/base/", "/a", "/base/a"),
        ("/base", "/", "/base/"),
        ("/ba%2Fse/x", "/a%20b", "/ba%2Fse/x/a%20b"),
        ("/base", "/a?q=1", "/base/a?q=1"),
        ("/", "/a", "/a"),
    ];
    each_row(rows, |(base, target, expected)| {
        let app = Backend::named("app");
        let gateway = Gateway::before(format!("{}{base}", app.url())).start();
        gateway.get(target);
        assert_eq!(app.received().target(), expected, "for {target}");
    });
}

#[test]
fn path_and_query_go_through_byte_for_byte() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let rows = [
        "/a%2Fb%2f%20c",
        "/a//b/.c/d..",
        "/;x=1/:@!$&'()*+,",
        "/?",
        "/?a=%2F&&b&c==;d",
        "/?q=a+b%20c&q=",
        "/%ff?%ff%00",
        "/a?b?c",
    ];
    each_row(rows, |target| {
        app.forget();
        assert_eq!(gateway.get(target).status(), 200);
        assert_eq!(app.received().target(), target);
    });
}

#[test]
fn methods_go_through_as_they_are() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    each_row(["PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "get"], |method| {
        app.forget();
        assert_eq!(gateway.ask(Request::new(method, "/")).status(), 200);
        assert_eq!(app.received().method(), method);
    });
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
    let rows = [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 6",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding : chunked",
    ];
    each_row(rows, |fields| {
        app.forget();
        let mut client = gateway.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a.test\r\n{fields}\r\n\r\nhello!"));
        let refused = client.head().is_none_or(|head| head.status() == 400);
        assert!(refused, "it is answered");
        assert!(app.requests().is_empty(), "{:?}", app.requests());
    });
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
