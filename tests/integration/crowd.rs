//! More requests than an upstream may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Backend, Gate, Gateway, Reply, Request, Wire, eventually};

/// Answers `/held` when the gate opens, and everything else at once.
fn held_by(gate: &Gate, name: &'static str) -> Backend {
    let gate = gate.clone();
    Backend::scripted(move |connection| {
        while let Some(request) = connection.request() {
            if request.target() == "/held" {
                gate.wait();
            }
            if connection.try_send(Reply::ok(name).bytes(&request)).is_err() {
                return;
            }
        }
    })
}

fn before(keys: &str, urls: &[String]) -> Gateway {
    let text = format!(
        r#"
        [upstream.app]
        endpoints = {urls:?}
        {keys}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    );
    Gateway::with(&text).start()
}

/// A connection whose request is at the backend.
fn busy(gateway: &Gateway, app: &Backend) -> Wire {
    let before = app.requests().len();
    let client = asking(gateway);
    eventually("the request is there", || app.requests().len() > before);
    client
}

fn asking(gateway: &Gateway) -> Wire {
    let mut client = gateway.connect();
    client.send(Request::get("/held").bytes());
    client
}

fn waits_for_pending(gateway: &Gateway, count: u64) {
    eventually(&format!("{count} wait"), || gateway.status()["upstreams"][0]["pending"] == count);
}

#[test]
fn requests_wait_for_their_turn_and_no_more_than_may() {
    let gate = Gate::shut();
    let app = held_by(&gate, "app");
    let gateway = before("max_in_flight = 1\nmax_pending = 1\npending_timeout = \"1h\"", &[app.url()]);
    let mut first = busy(&gateway, &app);
    let mut second = asking(&gateway);
    waits_for_pending(&gateway, 1);
    assert_eq!(gateway.get("/").status(), 503, "a third does not wait");
    gateway.log().says("all places are taken");
    assert_eq!(app.requests().len(), 1);
    gate.open();
    assert_eq!(first.response().text(), "app");
    assert_eq!(second.response().text(), "app");
    assert_eq!(gateway.get("/").text(), "app");
}

#[test]
fn a_client_that_goes_leaves_the_queue() {
    let gate = Gate::shut();
    let app = held_by(&gate, "app");
    let gateway = before("max_in_flight = 1\nmax_pending = 1\npending_timeout = \"1h\"", &[app.url()]);
    let _first = busy(&gateway, &app);
    let second = asking(&gateway);
    waits_for_pending(&gateway, 1);
    drop(second);
    waits_for_pending(&gateway, 0);
    let mut third = asking(&gateway);
    waits_for_pending(&gateway, 1);
    gate.open();
    assert_eq!(third.response().text(), "app");
    assert_eq!(app.requests().len(), 2, "the one that left was never sent");
}

#[test]
fn waiting_has_an_end() {
    let gate = Gate::shut();
    let app = held_by(&gate, "app");
    let gateway = before("max_in_flight = 1\npending_timeout = \"20ms\"", &[app.url()]);
    let _first = busy(&gateway, &app);
    assert_eq!(gateway.get("/").status(), 503);
    gateway.log().says("no place became free within 20ms");
    gate.open();
}

#[test]
fn a_place_is_taken_until_the_body_has_ended() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
            let _ = connection.rest();
        }
    });
    let gateway = before("max_in_flight = 1\nmax_pending = 0", &[app.url()]);
    let mut client = asking(&gateway);
    assert_eq!(client.head().unwrap().status(), 200);
    assert_eq!(gateway.get("/").status(), 503);
    drop(client);
    eventually("the place is free", || asking(&gateway).head().unwrap().status() == 200);
}

#[test]
fn a_full_endpoint_is_passed_over() {
    let gate = Gate::shut();
    let (a, b) = (held_by(&gate, "a"), held_by(&gate, "b"));
    let gateway = before("endpoint_max_in_flight = 1\nmax_pending = 0", &[a.url(), b.url()]);
    let mut held = busy(&gateway, &a);
    for _ in 0..4 {
        assert_eq!(gateway.get("/").text(), "b");
    }
    let mut other = busy(&gateway, &b);
    assert_eq!(gateway.get("/").status(), 503, "both are full");
    gate.open();
    assert_eq!((held.response().text(), other.response().text()), ("a".into(), "b".into()));
    assert_eq!(gateway.get("/").status(), 200);
}

#[test]
fn an_endpoint_that_comes_back_begins_slowly() {
    let well = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&well);
    let a = Backend::answering(move |request| match request.target() {
        "/healthz" if !state.load(Ordering::SeqCst) => Reply::status(503),
        _ => Reply::ok("a"),
    });
    let b = Backend::named("b");
    let keys = r#"
        slow_start = "1h"
        health = { path = "/healthz", interval = "20ms", timeout = "10s" }
    "#;
    let gateway = before(keys, &[a.url(), b.url()]);
    let health = || gateway.status()["upstreams"][0]["endpoints"][0]["health"].clone();
    eventually("it is down", || health() == "down");
    well.store(true, Ordering::SeqCst);
    eventually("it is up", || health() == "up");
    let mut client = gateway.connect();
    let turns = (0..400).filter(|_| client.ask(Request::get("/")).text() == "a").count();
    // A tenth of its turns, which are about half of all; even that chance hardly ever gives more than 60.
    assert!((1..100).contains(&turns), "{turns} of 400");
}
