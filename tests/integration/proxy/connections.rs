//! Connections to endpoints: kept, reused, refused and broken; and which endpoint is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Backend, Gateway, Refusing, Reply, Request, Wire, each_row, eventually};

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
    let rows =
        ["no HTTP at all\r\n\r\n", "HTTP/1.1 999999\r\n\r\n", "HTTP/1.1 200 OK\r\nbad field\r\n\r\n", ""];
    each_row(rows, |answer| {
        let app = Backend::scripted(move |connection| {
            connection.request();
            let _ = connection.try_send(answer);
        });
        let gateway = Gateway::before(app.url()).start();
        assert_eq!(gateway.get("/").status(), 502);
    });
}

#[test]
fn endpoints_that_are_all_out_are_tried_all_the_same() {
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
    for target in ["/both-fail", "/both-are-out"] {
        assert_eq!(gateway.get(target).status(), 502);
        assert_eq!(gateway.log().access(target)["attempts"], 2);
    }
    let _b = b.come_up("b");
    assert_eq!(gateway.get("/").text(), "b", "it need not wait for fail_timeout");
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
    let rows = [
        ("any path", Request::get("/"), "a"),
        ("any longer path", Request::get("/x/y"), "a"),
        ("a path with a parameter", Request::get("/users/7"), "b"),
        ("one that is longer than that", Request::get("/users/7/x"), "a"),
        ("a host before a path", Request::get("/users/7").with("Host", "shop.test"), "c"),
        ("a host with capitals and a port", Request::get("/").with("Host", "SHOP.test:8080"), "c"),
        ("a method", Request::new("DELETE", "/users/7"), "d"),
        ("a field", Request::get("/x").with("x-beta", "0"), "e"),
    ];
    each_row(rows, |(_, request, expected)| assert_eq!(gateway.ask(request).text(), expected));
}

#[test]
fn a_client_that_sends_slowly_is_not_an_upstream_that_answers_late() {
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        response_timeout = "1500ms"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("app", app.url())
    .start();
    let mut client = gateway.connect();
    client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\n");
    // The rhythm is what is tested: all of it takes longer than the timeout, no step of it does.
    for byte in "slow but".bytes() {
        thread::sleep(Duration::from_millis(250));
        client.send([byte]);
    }
    assert_eq!(client.response().status(), 200);
}

#[test]
fn a_post_is_not_sent_on_a_connection_that_has_idled() {
    let app = Backend::named("app");
    let gateway = Gateway::before(app.url()).workers(1).start();
    gateway.get("/");
    let answered = Instant::now();
    // What is tested is a time.
    eventually("its connection has idled", || answered.elapsed() > Duration::from_secs(1));
    assert_eq!(gateway.ask(Request::post("/", "order a book")).text(), "app");
    assert_eq!(app.connections(), 2);
    gateway.ask(Request::post("/", "order a book"));
    gateway.get("/");
    assert_eq!(app.connections(), 2, "one that was just in use serves all");
}

#[test]
fn per_try_timeout_moves_an_idempotent_request_on() {
    let silent = Backend::scripted(|connection| {
        connection.request();
        connection.rest();
    });
    let app = Backend::named("app");
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<silent>", "<app>"]
        max_fails = 0
        per_try_timeout = "50ms"
        response_timeout = "20s"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("silent", silent.url())
    .put("app", app.url())
    .start();
    for n in 0..4 {
        assert_eq!(gateway.get("/").text(), "app", "request {n}");
    }
    assert!(!silent.requests().is_empty(), "the silent one was tried");
    eventually("the late requests are cancelled", || silent.open_connections() == 0);
}

#[test]
fn tries_together_take_no_longer_than_one_may() {
    let silent = || {
        Backend::scripted(|connection| {
            connection.request();
            connection.rest();
        })
    };
    let (a, b) = (silent(), silent());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<a>", "<b>"]
        per_try_timeout = "10ms"
        response_timeout = "100ms"
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("a", a.url())
    .put("b", b.url())
    .start();
    assert_eq!(gateway.get("/get").status(), 504);
    assert_eq!(gateway.log().access("/get")["attempts"], 2);
    assert_eq!(gateway.ask(Request::post("/post", "order a book")).status(), 504);
    assert_eq!(gateway.log().access("/post")["attempts"], 1);
}

#[test]
fn retries_end_where_the_budget_does() {
    let broken = || Backend::scripted(|connection| drop(connection.request()));
    let (a, b) = (broken(), broken());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<a>", "<b>"]
        max_fails = 0
        retry_budget = 0
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("a", a.url())
    .put("b", b.url())
    .start();
    for _ in 0..100 {
        gateway.get("/");
    }
    assert_eq!(gateway.log().access("/")["attempts"], 2);
    let mut seen = 0;
    eventually("a request is sent only once", || {
        let target = format!("/{seen}");
        seen += 1;
        gateway.get(&target);
        gateway.log().access(&target)["attempts"] == 1
    });
}

#[test]
fn endpoints_that_come_and_go_cost_no_client_an_idempotent_request() {
    let names = ["a", "b", "c"];
    let mut backends = names.map(Backend::named).map(Some);
    let urls = backends.each_ref().map(|backend| backend.as_ref().unwrap().url());
    let gateway = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<a>", "<b>", "<c>"]
        [[route]]
        path = "/*"
        upstream = "app"
        "#,
    )
    .put("a", &urls[0])
    .put("b", &urls[1])
    .put("c", &urls[2])
    .start();
    let (address, done, served) = (gateway.address(), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Wire::connect(address);
                while !done.load(Ordering::SeqCst) {
                    assert_eq!(client.ask(Request::get("/")).status(), 200);
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let some_are_served = || {
            let before = served.load(Ordering::SeqCst);
            eventually("requests are served", || served.load(Ordering::SeqCst) > before + 50);
        };
        for turn in (0..3).cycle().take(9) {
            let address = backends[turn].take().unwrap().address();
            some_are_served();
            backends[turn] = Some(Backend::again(names[turn], address));
            some_are_served();
        }
        done.store(true, Ordering::SeqCst);
    });
}

#[test]
fn an_endpoint_may_be_a_name() {
    let app = Backend::named("app");
    let gateway = Gateway::before(format!("http://localhost:{}", app.address().port())).start();
    // Nobody listens on ::1.
    for _ in 0..3 {
        assert_eq!(gateway.get("/").text(), "app");
    }
    let unknown = Gateway::before("http://no-such-name.invalid").start();
    assert_eq!(unknown.get("/").status(), 502);
}
