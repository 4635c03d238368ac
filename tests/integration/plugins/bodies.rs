//! `body-guard` and `redact`, which look into bodies.

use super::{echo, gateway_with};
use crate::support::{Backend, Reply, Request};

const GUARD: &str = r#"
limits = { time = "5s" }
[plugin.body-guard.config.schema]
type = "object"
required = ["item"]
additionalProperties = false
properties = { item = { type = "string", maxLength = 5 }, count = { type = "integer", minimum = 1 } }
"#;

fn post(body: &str) -> Request {
    Request::post("/orders", body).with("content-type", "application/json")
}

#[test]
fn body_guard_lets_in_what_has_the_shape() {
    let app = echo();
    let gateway = gateway_with(&app, "body-guard", GUARD, r#"middleware = ["body-guard"]"#);
    let order = r#"{"item":"tea","count":3}"#;
    assert_eq!(gateway.ask(post(order)).status(), 200);
    assert_eq!(app.received().text(), order);
    assert_eq!(gateway.get("/orders").status(), 200, "a GET needs no body");
}

#[test]
fn body_guard_says_what_is_wrong_with_the_rest() {
    let app = echo();
    let gateway = gateway_with(&app, "body-guard", GUARD, r#"middleware = ["body-guard"]"#);
    let deep = "[".repeat(10_000);
    for (request, status, why) in [
        (post(r#"{"item":"coffee","count":0}"#), 422, r#"{"at":"/count","problem":"must be at least 1"}"#),
        (post(r#"{"item":"tea","more":1}"#), 422, r#"{"at":"/more","problem":"must not be there"}"#),
        (post(r#"{"item":"tea","item":"x"}"#), 400, "the key `item` is there twice"),
        (post("{"), 400, "the body is not JSON"),
        (post(&deep), 400, "nested more than 64 deep"),
        (Request::post("/orders", "{}").with("content-type", "text/plain"), 415, "application/json"),
    ] {
        let response = gateway.ask(request);
        assert_eq!(response.status(), status, "{}", response.text());
        assert!(response.text().contains(why), "{}", response.text());
    }
    assert!(app.requests().is_empty(), "nothing reached the upstream");
}

const REDACT: &str = r#"
limits = { time = "5s" }
config = { rules = [{ text = "s3cret", with = "***" }, { pattern = '\b[0-9]{4}(-?[0-9]{4}){3}\b', with = "[card]" }] }
"#;

#[test]
fn redact_takes_secrets_out_wherever_pieces_end() {
    let app = Backend::scripted(|connection| {
        while connection.request().is_some() {
            connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: \"1\"\r\n");
            connection.send("Transfer-Encoding: chunked\r\n\r\n");
            for piece in ["a s3c", "ret, 1234-5678-12", "34-5678 an", "d s3cre"] {
                connection.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
            }
            connection.send("0\r\n\r\n");
        }
    });
    let gateway = gateway_with(&app, "redact", REDACT, r#"modify_response = ["redact"]"#);
    let response = gateway.get("/");
    assert_eq!(response.text(), "a ***, [card] and s3cre");
    assert!(!response.has("etag"));
}

#[test]
fn redact_leaves_other_types_alone_and_large_bodies_whole() {
    let app = Backend::answering(|request| {
        let body = "no secret here, s3cret there\n".repeat(20_000);
        let content_type =
            if request.target() == "/image" { "image/png" } else { "text/plain; charset=utf-8" };
        Reply::ok(body).with("content-type", content_type)
    });
    let gateway = gateway_with(&app, "redact", REDACT, r#"modify_response = ["redact"]"#);
    assert_eq!(gateway.get("/image").text(), "no secret here, s3cret there\n".repeat(20_000));
    assert_eq!(gateway.get("/text").text(), "no secret here, *** there\n".repeat(20_000));
}
