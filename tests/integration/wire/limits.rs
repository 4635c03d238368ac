//! How much, how long and how many: what a client or an endpoint may take, and what it hears when it takes more.

use super::statuses;
use crate::support::{Backend, Gate, Gateway, Request, each_row, eventually};

#[test]
fn a_body_that_is_too_large_is_refused() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("max_body = \"10B\"").start();
    let rows = [
        ("a length past the limit", "POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"),
        (
            "one that waits to be asked",
            "POST /large HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n",
        ),
        (
            "chunks past the limit",
            "POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        ),
        (
            "a chunk past the limit",
            "POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        ),
    ];
    each_row(rows, |(_, request)| {
        let mut client = gateway.connect();
        client.send(request);
        assert_eq!(statuses(&mut client), (vec![413], true));
    });
    assert!(app.requests().is_empty(), "{:?}", app.requests());
    assert_eq!(gateway.log().access("/large")["status"], 413);
    assert_eq!(gateway.ask(Request::post("/", "0123456789")).status(), 200);
    let mut client = gateway.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n");
    assert_eq!(client.response().status(), 200);
}

#[test]
fn the_client_is_whom_a_trusted_proxy_names() {
    let app = Backend::named("app");
    let ask = |gateway: &Gateway, target: &str| {
        let named = Request::get(target)
            .with("X-Forwarded-For", "6.6.6.6, 192.0.2.1, 10.0.0.7")
            .with("X-Forwarded-Proto", "https")
            .with("X-Forwarded-Host", "shop.test");
        gateway.ask(named);
        (gateway.log().access(target)["client"].as_str().unwrap().to_owned(), app.received())
    };
    let trusting =
        Gateway::before(app.url()).listener(r#"trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]"#).start();
    let (client, received) = ask(&trusting, "/trusted");
    assert_eq!(client, "192.0.2.1:0");
    assert_eq!(received.get("x-forwarded-for"), Some("6.6.6.6, 192.0.2.1, 10.0.0.7, 127.0.0.1"));
    assert_eq!(
        (received.get("x-forwarded-proto"), received.get("x-forwarded-host")),
        (Some("https"), Some("shop.test"))
    );
    let wary = Gateway::before(app.url()).listener(r#"trusted_proxies = ["10.0.0.0/8"]"#).start();
    let (client, received) = ask(&wary, "/untrusted");
    assert!(client.starts_with("127.0.0.1:"), "{client}");
    assert_eq!(received.get("x-forwarded-proto"), Some("http"));
}

#[test]
fn the_client_is_whom_the_proxy_header_names() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("proxy_protocol = true").start();
    let mut client = gateway.connect();
    client.send("PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nGET /named HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status(), 200);
    assert_eq!(gateway.log().access("/named")["client"], "192.0.2.1:4711");
    assert_eq!(app.received().get("x-forwarded-for"), Some("192.0.2.1"));
    let mut bare = gateway.connect();
    bare.send(Request::get("/bare").bytes());
    assert!(bare.rest().is_empty(), "nobody is served who does not say for whom");
    assert_eq!(app.requests().len(), 1);
}

#[test]
fn a_client_that_does_not_read_is_given_up() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while connection.try_send(format!("10000\r\n{}\r\n", "x".repeat(0x10000))).is_ok() {}
    });
    let keys = "send_timeout = \"100ms\"";
    let gateway = Gateway::before(app.url()).listener(keys).start();
    let mut client = gateway.connect();
    client.send(Request::get("/unread").bytes());
    assert_eq!(gateway.log().access("/unread")["complete"], false);
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn an_exchange_has_a_limit_as_a_whole() {
    let app = Backend::scripted(|connection| {
        let request = connection.request().unwrap();
        if request.target() == "/drip" {
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        }
        connection.rest();
    });
    let gateway = Gateway::before(app.url()).listener("request_timeout = \"200ms\"").start();
    assert_eq!(gateway.get("/hang").status(), 504);
    let broken = gateway.connect().try_ask(&Request::get("/drip"));
    assert!(broken.is_err() || broken.is_ok_and(|response| response.status() == 504));
    eventually("both are cancelled", || app.open_connections() == 0);
}

#[test]
fn an_endpoint_that_pauses_in_a_body_is_given_up() {
    let app = Backend::scripted(|connection| {
        connection.request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        connection.rest();
    });
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        body_timeout = "100ms"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    let broken = gateway.connect().try_ask(&Request::get("/")).unwrap_err();
    assert_eq!(broken.read, b"hello");
    eventually("the upstream's connection ends", || app.open_connections() == 0);
}

#[test]
fn a_connection_serves_so_many_requests() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("max_requests = 2").start();
    let mut client = gateway.connect();
    let three = Request::get("/").bytes().repeat(3);
    client.send(three);
    assert_eq!(statuses(&mut client), (vec![200, 200], true));
    assert_eq!(app.requests().len(), 2);
}

#[test]
fn a_connection_too_many_waits_for_its_turn() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("max_connections = 2").start();
    let (mut first, mut second) = (gateway.connect(), gateway.connect());
    first.ask(Request::get("/1"));
    second.ask(Request::get("/2"));
    let mut third = gateway.connect();
    third.send(Request::get("/3").bytes());
    for _ in 0..3 {
        first.ask(Request::get("/1"));
        second.ask(Request::get("/2"));
    }
    assert!(app.requests().iter().all(|request| request.target() != "/3"));
    drop(first);
    assert_eq!(third.response().text(), "app");
}

#[test]
fn a_client_with_too_many_connections_is_told_so() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).listener("max_connections_per_client = 2").start();
    let (mut first, mut second) = (gateway.connect(), gateway.connect());
    first.ask(Request::get("/"));
    second.ask(Request::get("/"));
    assert_eq!(statuses(&mut gateway.connect()), (vec![503], true));
    drop(first);
    eventually("there is room again", || {
        gateway.connect().try_ask(&Request::get("/")).is_ok_and(|response| response.status() == 200)
    });
}

#[test]
fn clients_that_send_half_a_head_keep_nobody_from_being_served() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).start();
    let half: Vec<_> = (0..300)
        .map(|_| {
            let mut client = gateway.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
            client
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    drop(half);
}

#[test]
fn a_request_that_waits_for_its_body_does_not_hold_a_slow_one_back() {
    let gate = Gate::shut();
    let held = gate.clone();
    let app = Backend::scripted(move |connection| {
        let request = connection.request().unwrap();
        if request.target() == "/slow" {
            held.wait();
        }
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
    let gateway = Gateway::before(app.url()).workers(1).start();
    let mut half = gateway.connect();
    half.send("POST /half HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    let mut slow = gateway.connect();
    slow.send(Request::get("/slow").bytes());
    assert_eq!(gateway.get("/").text(), "ok");
    gate.open();
    assert_eq!(slow.response().text(), "ok");
    half.send("world");
    assert_eq!(half.response().text(), "ok");
}
