//! Bodies with a content coding, for guests that want to see what is inside.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{guests, through};
use crate::support::{Backend, Reply, Request};

/// What `gzip` makes of it.
fn gzip(arguments: &[&str], bytes: &[u8]) -> Vec<u8> {
    let mut process = Command::new("gzip")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is part of every Debian");
    let mut input = process.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn zipped(text: &str) -> Vec<u8> {
    gzip(&["-c", "-n"], text.as_bytes())
}

fn unzipped(bytes: &[u8]) -> String {
    String::from_utf8(gzip(&["-dc"], bytes)).unwrap()
}

fn app() -> Backend {
    Backend::answering(|request| {
        let reply = Reply::ok(request.body.clone());
        match request.get("content-encoding") {
            Some(coding) => reply.with("content-encoding", coding),
            None => reply,
        }
    })
}

#[test]
fn a_guest_sees_what_is_inside_and_its_own_goes_on_without_a_coding() {
    let app = app();
    let gateway = through(guests::exclaims("decoded"), "", &app);
    let response = gateway.ask(Request::post("/", zipped("hello")).with("content-encoding", "gzip"));
    assert_eq!((response.text().as_str(), response.get("content-encoding")), ("hello!!", None));
    let received = app.received();
    assert_eq!((received.text().as_str(), received.get("content-encoding")), ("hello!", None));
}

#[test]
fn what_a_guest_does_not_replace_stays_coded_as_it_was() {
    let app = app();
    let gateway = through(guests::exclaims("decoded"), "", &app);
    let body = zipped("-keep");
    let response = gateway.ask(Request::post("/", body.clone()).with("content-encoding", "gzip"));
    assert_eq!(response.get("content-encoding"), Some("gzip"));
    assert!(response.body == body && app.received().body == body);
}

#[test]
fn a_guest_may_have_its_own_coded_again() {
    let app = app();
    for guest in [guests::exclaims("recoded"), guests::shouts("recoded", "")] {
        let gateway = through(guest, "", &app);
        let request = Request::post("/", zipped("hello")).with("content-encoding", "gzip");
        let response = gateway.ask(request.with("x-loud", "qs"));
        assert_eq!(response.get("content-encoding"), Some("gzip"));
        assert!(["hello!!", "HELLO.."].contains(&unzipped(&response.body).as_str()));
        assert!(["hello!", "HELLO."].contains(&unzipped(&app.received().body).as_str()));
    }
}

#[test]
fn pieces_are_decoded_on_their_way_through_a_guest() {
    let app = app();
    let gateway = through(guests::shouts("decoded", ""), "", &app);
    let text = "all work and no play ".repeat(20_000);
    let request = Request::post("/", zipped(&text)).with("content-encoding", "gzip").with("x-loud", "s");
    let response = gateway.ask(request);
    assert_eq!(response.get("content-encoding"), None);
    assert!(response.text() == text.to_uppercase() + ".");
}

#[test]
fn a_bomb_ends_at_the_limit() {
    let app = app();
    let keys = r#"limits = { body = "64KiB", time = "5s" }"#;
    let bomb = gzip(&["-c", "-n"], &vec![b'a'; 50 << 20]);
    assert!(bomb.len() < 60_000, "{}", bomb.len());
    let gateway = through(guests::exclaims("decoded"), keys, &app);
    let response = gateway.ask(Request::post("/", bomb.clone()).with("content-encoding", "gzip"));
    assert_eq!(response.status(), 413);
    assert!(app.requests().is_empty(), "nothing of it was sent on");
}

#[test]
fn a_bomb_of_the_upstreams_is_a_bad_gateway() {
    let bomb = gzip(&["-c", "-n"], &vec![b'a'; 50 << 20]);
    let app = Backend::answering(move |_| Reply::ok(bomb.clone()).with("content-encoding", "gzip"));
    let keys = r#"limits = { body = "64KiB", time = "5s" }"#;
    let gateway = through(guests::exclaims("decoded"), keys, &app);
    assert_eq!(gateway.ask(Request::post("/", "-")).status(), 502);
}

#[test]
fn codings_that_cannot_be_taken_off_are_refused() {
    let app = app();
    let gateway = through(guests::exclaims("decoded"), "", &app);
    for (coding, body, status) in [
        ("compress", &b"xyz"[..], 415),
        ("gzip, gzip", b"xyz", 415),
        ("gzip", b"not gzip at all", 400),
        ("br", b"\xff\xff\xff\xff", 400),
    ] {
        let response = gateway.ask(Request::post("/", body).with("content-encoding", coding));
        assert_eq!(response.status(), status, "{coding}");
    }
    let cut = &zipped("hello, a body that is long enough to be cut")[..30];
    let response = gateway.ask(Request::post("/", cut).with("content-encoding", "gzip"));
    assert_eq!(response.status(), 400);
    assert!(app.requests().is_empty());
}
