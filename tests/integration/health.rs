//! Endpoints that are asked how they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::{Backend, Gateway, Refusing, Reply, eventually};

/// Asks often; an answer may take its time on a busy machine.
const OFTEN: &str = r#"health = { path = "/healthz", interval = "20ms", timeout = "10s" }"#;

/// Answers with its name, and is as well as it is told.
fn patient(name: &'static str) -> (Backend, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    let backend = Backend::answering(move |request| match request.target() {
        "/healthz" if !state.load(Ordering::SeqCst) => Reply::status(503),
        _ => Reply::ok(name),
    });
    (backend, well)
}

fn before(keys: &str, a: String, b: String) -> Gateway {
    let text = format!(
        r#"
        [upstream.app]
        endpoints = ["<a>", "<b>"]
        {keys}
        [[route]]
        path = "/*"
        upstream = "app"
        "#
    );
    Gateway::with(&text).put("a", a).put("b", b).start()
}

fn endpoint(gateway: &Gateway, index: usize) -> Value {
    gateway.status()["upstreams"][0]["endpoints"][index].clone()
}

fn waits_for(gateway: &Gateway, index: usize, health: &str) {
    eventually(&format!("endpoint {index} is {health}"), || endpoint(gateway, index)["health"] == health);
}

fn order(gateway: &Gateway, requests: usize) -> String {
    (0..requests).map(|_| gateway.get("/").text()).collect()
}

fn asked(backend: &Backend, target: &str) -> usize {
    backend.requests().iter().filter(|request| request.target() == target).count()
}

#[test]
fn an_endpoint_that_is_unwell_gets_nothing_until_it_is_well() {
    let ((a, well), (b, _)) = (patient("a"), patient("b"));
    let gateway = before(OFTEN, a.url(), b.url());
    waits_for(&gateway, 0, "up");
    waits_for(&gateway, 1, "up");
    assert_eq!(order(&gateway, 4), "abab");
    well.store(false, Ordering::SeqCst);
    waits_for(&gateway, 0, "down");
    assert_eq!(endpoint(&gateway, 0)["usable"], false);
    assert_eq!(order(&gateway, 4), "bbbb");
    let line = gateway.log().says("endpoint down");
    assert_eq!(
        (&line["endpoint"], &line["reason"]),
        (&a.url().into(), &"answered 503 Service Unavailable".into())
    );
    well.store(true, Ordering::SeqCst);
    eventually("it has its turns again", || order(&gateway, 4).contains('a'));
}

#[test]
fn a_tcp_check_only_connects() {
    let (dead, b) = (Refusing::new(), Backend::scripted(|connection| drop(connection.rest())));
    let gateway = before(r#"health = { tcp = true, interval = "20ms" }"#, dead.url(), b.url());
    waits_for(&gateway, 0, "down");
    waits_for(&gateway, 1, "up");
    assert!(b.requests().is_empty());
    let _a = dead.come_up("a");
    waits_for(&gateway, 0, "up");
}

#[test]
fn a_check_asks_as_it_is_told_and_takes_only_the_answers_it_is_told() {
    let a = Backend::answering(|request| {
        Reply::status(if request.target() == "/well?full=1" { 204 } else { 500 })
    });
    let b = Backend::answering(|_| Reply::status(200));
    let keys =
        r#"health = { path = "/well?full=1", status = "204", host = "health.test", interval = "20ms" }"#;
    let gateway = before(keys, a.url(), b.url());
    waits_for(&gateway, 0, "up");
    waits_for(&gateway, 1, "down");
    assert_eq!(a.received().get("host"), Some("health.test"));
}

#[test]
fn an_endpoint_that_does_not_answer_in_time_is_unwell() {
    let (silent, app) = (Backend::scripted(|connection| drop(connection.rest())), Backend::named("b"));
    let gateway = before(
        r#"health = { path = "/healthz", interval = "20ms", timeout = "20ms", fall = 1 }"#,
        silent.url(),
        app.url(),
    );
    waits_for(&gateway, 0, "down");
    assert!(gateway.log().says("endpoint down")["reason"].as_str().unwrap().contains("no answer within"));
}

#[test]
fn an_unchanged_upstream_keeps_its_checks_over_a_reload() {
    let ((a, well), (b, _)) = (patient("a"), patient("b"));
    well.store(false, Ordering::SeqCst);
    let gateway = before(r#"health = { path = "/healthz", interval = "1h" }"#, a.url(), b.url());
    waits_for(&gateway, 0, "down");
    waits_for(&gateway, 1, "up");
    gateway.configure_again();
    assert!(gateway.sighup());
    assert_eq!(
        (&endpoint(&gateway, 0)["health"], &endpoint(&gateway, 1)["health"]),
        (&"down".into(), &"up".into())
    );
    assert_eq!(
        (asked(&a, "/healthz"), asked(&b, "/healthz")),
        (1, 1),
        "once for all workers and generations"
    );
}

#[test]
fn checks_end_with_their_upstream() {
    let text = |path: &str| {
        format!(
            r#"
            [upstream.app]
            endpoints = ["<a>"]
            health = {{ path = "{path}", interval = "10ms" }}
            [[route]]
            path = "/*"
            upstream = "app"
            "#
        )
    };
    let a = Backend::named("a");
    let gateway = Gateway::with(&text("/old")).put("a", a.url()).start();
    eventually("it is asked", || asked(&a, "/old") > 1);
    gateway.configure(&text("/new"));
    assert!(gateway.sighup());
    eventually("the new question is asked and the old one is not", || {
        let (old, new) = (asked(&a, "/old"), asked(&a, "/new"));
        eventually("it is asked", || asked(&a, "/new") > new + 5);
        asked(&a, "/old") == old
    });
}

#[test]
fn where_all_are_unwell_nothing_is_sent() {
    let ((a, a_well), (b, b_well)) = (patient("a"), patient("b"));
    a_well.store(false, Ordering::SeqCst);
    b_well.store(false, Ordering::SeqCst);
    let gateway = before(OFTEN, a.url(), b.url());
    waits_for(&gateway, 0, "down");
    waits_for(&gateway, 1, "down");
    assert_eq!(gateway.get("/").status(), 503);
    assert_eq!(asked(&a, "/") + asked(&b, "/"), 0);
}

#[test]
fn below_the_panic_threshold_all_are_used() {
    let ((a, a_well), (b, b_well)) = (patient("a"), patient("b"));
    a_well.store(false, Ordering::SeqCst);
    let gateway = before(&format!("{OFTEN}\npanic = 50"), a.url(), b.url());
    waits_for(&gateway, 0, "down");
    waits_for(&gateway, 1, "up");
    assert_eq!(order(&gateway, 4), "bbbb", "half is enough");
    b_well.store(false, Ordering::SeqCst);
    waits_for(&gateway, 1, "down");
    let used = order(&gateway, 4);
    assert!(used.contains('a') && used.contains('b'), "{used}");
}
