//! `request-id`, `server-timing`, `stamp` and `header-logic`.

use super::{attributes, echo, gateway_with};
use crate::support::{Backend, Reply, Request};

#[test]
fn request_id_goes_upstream_back_and_into_the_log() {
    let app = echo();
    let gateway = gateway_with(&app, "request-id", "", r#"middleware = ["request-id"]"#);
    let response = gateway.ask(Request::get("/theirs").with("X-Request-Id", "client-1"));
    assert_eq!(app.received().all("x-request-id"), ["client-1"]);
    assert_eq!(response.all("x-request-id"), ["client-1"]);
    assert!(attributes(&gateway.log().access("/theirs")).contains("client-1"));

    let response = gateway.get("/ours");
    let id = response.get("x-request-id").unwrap();
    assert_eq!(app.received().all("x-request-id"), [id]);
    let line = gateway.log().access("/ours");
    assert!(attributes(&line).contains(id), "{line}");
    assert_eq!(line["request_id"], id, "it is the gateway's own");

    let insane = "x".repeat(1000);
    let response = gateway.ask(Request::get("/insane").with("X-Request-Id", &insane));
    assert_ne!(response.get("x-request-id"), Some(insane.as_str()));
    assert_eq!(app.received().all("x-request-id"), response.all("x-request-id"));
}

#[test]
fn server_timing_adds_what_the_gateway_measured() {
    let app = Backend::answering(|_| Reply::ok("").with("Server-Timing", "db;dur=5"));
    let gateway = gateway_with(&app, "server-timing", "", r#"middleware = ["server-timing"]"#);
    let response = gateway.get("/");
    let timings = response.all("server-timing");
    assert_eq!(timings.len(), 2, "{timings:?}");
    assert!(timings.contains(&"db;dur=5"), "what the upstream measured stays");
    let ours = timings.iter().find_map(|timing| timing.strip_prefix("gateway;dur=")).unwrap();
    assert!(ours.parse::<f64>().is_ok(), "{ours}");
}

#[test]
fn stamp_sets_and_removes_headers_of_the_response() {
    let app = echo();
    let gateway = gateway_with(
        &app,
        "stamp",
        r#"config = { set = { "x-served-by" = "gatewright", "x-app" = "replaced" }, remove = ["server"] }"#,
        r#"modify_response = ["stamp"]"#,
    );
    let response = gateway.get("/");
    assert_eq!(response.all("x-served-by"), ["gatewright"]);
    assert_eq!(response.all("x-app"), ["replaced"]);
    assert!(!response.has("server"));
}

#[test]
fn header_logic_copies_and_sets() {
    let app = echo();
    let gateway = gateway_with(&app, "header-logic", "", r#"middleware = ["header-logic"]"#);
    let response = gateway.ask(Request::get("/").with("X-User", "alice").with("X-Gw-User", "forged"));
    assert_eq!(response.get("x-gw-resp"), Some("1"));
    let received = app.received();
    assert_eq!(received.all("x-gw-user"), ["alice"]);
    assert_eq!(received.get("x-gw"), Some("bench"));
    gateway.get("/");
    assert!(!app.received().has("x-gw-user"));
}
