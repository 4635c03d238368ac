//! Requests of plugins to upstreams, in native tests.

use std::time::Duration;

use gatewright_sdk::prelude::*;
use gatewright_sdk::testing::{self, Outcome, Reply, Sent};
use gatewright_sdk::{Code, NoConfig, serde_json};

/// Runs what a test hands it.
struct Hook(fn() -> Result<()>);

impl Plugin for Hook {
    type Config = NoConfig;

    fn load(_: NoConfig) -> Result<Self> {
        Ok(Self(|| Ok(())))
    }
}

impl Middleware for Hook {
    fn on_request(&self, _: &mut Request) -> Result<Flow> {
        (self.0)().map(|()| Continue)
    }
}

plugin!(Hook: Middleware);

fn run(reply: impl Fn(&Sent) -> Reply + 'static, hook: fn() -> Result<()>) -> Result<Outcome> {
    testing::request("GET", "/").upstream("auth", reply).run(&Hook(hook))
}

#[test]
fn a_request_is_sent_and_its_response_read() {
    let reply = |sent: &Sent| {
        assert_eq!((sent.upstream(), sent.method(), sent.target()), ("auth", "POST", "/check?a=1"));
        Reply::json(201, &json!({ "user": "alice" })).header("X-User", "alice").header("x-user", b"\xff")
    };
    let outcome = run(reply, || {
        let response = http::post("auth", "/check?a=1")
            .header("x-a", "1")
            .json(&json!({ "b": 2 }))?
            .timeout(Duration::from_millis(250))
            .send()?;
        assert_eq!(response.status(), 201);
        assert!(response.is_success());
        assert_eq!(response.header("x-user")?.unwrap(), b"alice");
        assert_eq!(response.header_str("X-USER")?.unwrap(), "alice");
        assert_eq!(response.header("x-none")?, None);
        assert_eq!(response.headers()?.iter().filter(|(name, _)| *name == "x-user").count(), 2);
        assert_eq!(response.text()?, r#"{"user":"alice"}"#);
        assert_eq!(response.json::<serde_json::Value>()?["user"], "alice");
        assert_eq!(response.body()?.len(), 16);
        Ok(())
    })
    .unwrap();
    let [sent] = outcome.sent() else { panic!("{:?}", outcome.sent()) };
    assert_eq!(sent.header("x-a"), Some("1"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.body(), br#"{"b":2}"#);
    assert_eq!(sent.timeout(), Some(Duration::from_millis(250)));
}

#[test]
fn requests_sent_together_take_as_long_as_the_longest() {
    let reply = |sent: &Sent| match sent.target() {
        "/slow" => Reply::status(200).takes(Duration::from_secs(2)),
        "/broken" => Reply::none(Code::Unreachable),
        _ => Reply::status(204).takes(Duration::from_secs(1)),
    };
    let outcome = run(reply, || {
        let before = clock::monotonic();
        let calls = ["/slow", "/broken", "/fast"].map(|target| http::get("auth", target));
        let outcomes = http::send_all(calls.into_iter().chain([http::get("other", "/")]));
        assert_eq!(clock::monotonic() - before, Duration::from_secs(2));
        let outcomes: Vec<_> =
            outcomes.iter().map(|outcome| outcome.as_ref().map(http::Response::status)).collect();
        assert_eq!(outcomes[0], Ok(200));
        assert_eq!(outcomes[1].unwrap_err().code(), Some(Code::Unreachable));
        assert_eq!(outcomes[2], Ok(204));
        assert_eq!(outcomes[3].unwrap_err().code(), Some(Code::Forbidden));
        Ok(())
    })
    .unwrap();
    assert_eq!(outcome.sent().len(), 3);
}

#[test]
fn patience_ends_before_the_response_comes() {
    run(
        |_| Reply::status(200).takes(Duration::from_millis(100)),
        || {
            let before = clock::monotonic();
            let error = http::get("auth", "/").timeout(Duration::from_millis(50)).send().unwrap_err();
            assert_eq!(error.to_string(), "request to upstream `auth`: took too long");
            assert_eq!(error.code(), Some(Code::Timeout));
            assert_eq!(clock::monotonic() - before, Duration::from_millis(50));
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn what_could_not_go_over_the_wire_is_refused() {
    run(
        |_| Reply::status(200),
        || {
            for request in [
                http::get("auth", "no slash"),
                http::get("auth", "/a b"),
                http::request("GE T", "auth", "/"),
                http::get("auth", "/").header("x y", "1"),
                http::get("auth", "/").header("x", "a\r\nb"),
            ] {
                assert_eq!(request.send().unwrap_err().code(), Some(Code::Invalid), "{request:?}");
            }
            let error = http::get("auth", "/").header("te", "trailers").send().unwrap_err();
            assert_eq!(error.code(), Some(Code::Forbidden));
            Ok(())
        },
    )
    .unwrap();
}

#[test]
fn a_plugin_that_is_loaded_cannot_send() {
    let error = http::get("auth", "/").send().unwrap_err();
    assert_eq!(error.code(), Some(Code::Forbidden));
}
