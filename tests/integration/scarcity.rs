//! A gateway that has no file descriptors left.

use std::time::Instant;

use crate::support::message;
use crate::support::{Backend, Gateway, Request, Wire, eventually};

const FILES: usize = 64;

/// Two upstreams: one that is connected to already when the descriptors run out, and one that is not.
fn start(app: &Backend, others: [&Backend; 2]) -> Gateway {
    let setup = Gateway::with(
        r#"
        [upstream.app]
        endpoints = ["<app>"]
        [upstream.other]
        endpoints = ["<first>", "<second>"]
        max_fails = 1
        health = { tcp = true, interval = "20ms", fall = 1 }
        [[route]]
        path = "/app"
        upstream = "app"
        [[route]]
        path = "/other"
        upstream = "other"
        "#,
    );
    let [first, second] = others.map(Backend::url);
    setup.put("app", app.url()).put("first", first).put("second", second).workers(1).files(FILES).start()
}

fn accept_failures(gateway: &Gateway) -> usize {
    gateway.log().lines().iter().filter(|line| message(line).starts_with("cannot accept")).count()
}

#[test]
fn without_descriptors_what_is_open_goes_on_and_the_rest_waits() {
    let (app, first, second) = (Backend::named("app"), Backend::named("first"), Backend::named("second"));
    let gateway = start(&app, [&first, &second]);
    let mut old = gateway.connect();
    assert_eq!(old.ask(Request::get("/app")).text(), "app");
    let began = Instant::now();
    let crowd: Vec<Wire> = (0..2 * FILES).map(|_| gateway.connect()).collect();
    gateway.log().says("cannot accept");

    for _ in 0..20 {
        assert_eq!(old.ask(Request::get("/app")).text(), "app", "on the connection that is there");
    }
    assert_eq!(app.connections(), 1);
    for _ in 0..5 {
        assert_eq!(old.ask(Request::get("/other")).status(), 503, "there is none for another");
    }
    gateway.log().says("out of what that takes");
    let checked = |line: &serde_json::Value| message(line).starts_with("not checked");
    gateway.log().wait_for("a check that could not be made", checked);

    // No more often than the pauses allow, and only once in the operator's face.
    let most = began.elapsed().as_millis() / 20 + 1;
    assert!(accept_failures(&gateway) as u128 <= most, "{} of {most}", accept_failures(&gateway));
    let warned =
        |line: &&serde_json::Value| message(line).starts_with("cannot accept") && line["level"] == "WARN";
    let warnings = gateway.log().lines().iter().filter(warned).count();
    assert!(warnings as u128 <= 1 + began.elapsed().as_millis() / 10_000, "{warnings} warnings");

    drop(crowd);
    gateway.log().says("accepting again");
    eventually("all is as before", || gateway.open_files() < FILES / 2);
    let mut seen: Vec<_> = (0..4).map(|_| gateway.get("/other").text()).collect();
    seen.sort();
    assert_eq!(seen, ["first", "first", "second", "second"], "no endpoint was blamed");
    let status = gateway.status();
    for endpoint in status["upstreams"][1]["endpoints"].as_array().unwrap() {
        assert_eq!((&endpoint["fails"], &endpoint["health"]), (&0.into(), &"up".into()), "{status}");
    }
    assert_eq!(old.ask(Request::get("/app")).text(), "app");
}
