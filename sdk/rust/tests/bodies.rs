//! Bodies as plugins see them, in native tests.

use gatewright_sdk::prelude::*;
use gatewright_sdk::testing::{self, Outcome};
use gatewright_sdk::{Code, NoConfig, serde_json};

/// Makes a middleware whose hooks want their bodies in these modes.
macro_rules! middleware {
    ($module:ident: $request:expr, $response:expr) => {
        mod $module {
            use super::*;

            pub(super) struct Hooks {
                pub(super) on_request: fn(&mut Request) -> Result<Flow>,
                pub(super) on_response: fn(&mut Response) -> Result<()>,
            }

            impl Plugin for Hooks {
                type Config = NoConfig;

                fn load(_: NoConfig) -> Result<Self> {
                    Ok(IDLE)
                }
            }

            pub(super) const IDLE: Hooks = Hooks { on_request: |_| Ok(Continue), on_response: |_| Ok(()) };

            impl Middleware for Hooks {
                const REQUEST_BODY: BodyMode = $request;
                const RESPONSE_BODY: BodyMode = $response;

                fn on_request(&self, request: &mut Request) -> Result<Flow> {
                    (self.on_request)(request)
                }

                fn on_response(&self, response: &mut Response) -> Result<()> {
                    (self.on_response)(response)
                }
            }

            plugin!(Hooks: Middleware);
        }
    };
}

middleware!(none: BodyMode::NONE, BodyMode::NONE);
middleware!(peek: BodyMode::peek(4), BodyMode::NONE);
middleware!(buffer: BodyMode::buffer(), BodyMode::buffer().decoded());
middleware!(stream: BodyMode::stream(), BodyMode::stream().recoded());

fn post(body: &str) -> testing::TestRequest {
    testing::request("POST", "/").body(body)
}

fn streamed(pieces: &[&str], on_response: fn(&mut Response) -> Result<()>) -> Result<Outcome> {
    let pieces = pieces.iter().map(|piece| piece.as_bytes());
    let plugin = stream::Hooks { on_response, ..stream::IDLE };
    testing::request("GET", "/").upstream_body_pieces(pieces).run(&plugin)
}

#[test]
fn a_body_that_was_not_asked_for_is_out_of_reach() {
    let on_request = |request: &mut Request| {
        let error = request.body().read().unwrap_err();
        assert_eq!(error.to_string(), "read size of the body of `request`: not allowed here");
        for error in [
            request.body().size().unwrap_err(),
            request.body().is_whole().unwrap_err(),
            request.body_mut().replace("x").unwrap_err(),
        ] {
            assert_eq!(error.code(), Some(Code::Forbidden), "{error}");
        }
        Ok(Continue)
    };
    let outcome = post("body").run(&none::Hooks { on_request, ..none::IDLE }).unwrap();
    assert_eq!(outcome.text(), Some("body"));
}

#[test]
fn a_peek_sees_the_beginning_and_changes_nothing() {
    let on_request = |request: &mut Request| {
        let body = request.body();
        request.attributes().set("seen", body.text()?)?;
        request.attributes().set_bool("whole", body.is_whole()?)?;
        assert_eq!(body.size()?, body.read()?.len());
        assert_eq!(request.body_mut().replace("x").unwrap_err().code(), Some(Code::Forbidden));
        Ok(Continue)
    };
    for (sent, seen, whole) in [("", "", "true"), ("abcd", "abcd", "true"), ("abcde", "abcd", "false")] {
        let outcome = post(sent).run(&peek::Hooks { on_request, ..peek::IDLE }).unwrap();
        assert_eq!(outcome.attribute("seen"), Some(seen));
        assert_eq!(outcome.attribute("whole"), Some(whole));
        assert_eq!(outcome.text(), Some(sent));
    }
}

#[test]
fn a_buffered_body_is_read_and_replaced() {
    let on_request = |request: &mut Request| {
        let order: serde_json::Value = request.body().json()?;
        request.body_mut().replace(format!("{} teas", order["teas"]))?;
        assert_eq!(request.body().text()?, "3 teas");
        assert!(request.body_mut().is_whole()?);
        Ok(Continue)
    };
    let on_response = |response: &mut Response| {
        let big = response.body().read()?.repeat(2);
        response.body_mut().replace(big)
    };
    let plugin = buffer::Hooks { on_request, on_response };
    let outcome = testing::request("POST", "/")
        .body_pieces([r#"{"te"#, r#"as":3}"#])
        .upstream_body("x".repeat(100_000))
        .run(&plugin)
        .unwrap();
    assert_eq!(outcome.text(), Some("3 teas"));
    assert_eq!(outcome.response_body().len(), 200_000);
    let error = post("{").run(&plugin).unwrap_err();
    assert!(error.to_string().starts_with("body of the request: EOF"), "{error}");
}

#[test]
fn an_answer_has_a_body_for_the_response_phase() {
    let plugin = buffer::Hooks {
        on_request: |_| Ok(Answer::text(403, "no").into()),
        on_response: |response| {
            let loud = response.body().text()?.to_uppercase();
            response.body_mut().replace(loud)
        },
    };
    assert_eq!(post("").run(&plugin).unwrap().response_text(), Some("NO"));
}

#[test]
fn a_function_transforms_the_pieces_of_a_body() {
    let outcome = streamed(&["ab", "c"], |response| {
        response.stream(|piece: &[u8], out: &mut Sink| out.write(piece.to_ascii_uppercase()));
        Ok(())
    })
    .unwrap();
    assert_eq!(outcome.response_pieces(), [b"AB".to_vec(), b"C".to_vec()]);
}

#[test]
fn what_straddles_two_pieces_is_kept_to_the_end() {
    #[derive(Default)]
    struct Held(Vec<u8>);
    impl BodyStream for Held {
        fn piece(&mut self, piece: &[u8], _: &mut Sink) -> Result<()> {
            self.0.extend_from_slice(piece);
            Ok(())
        }

        fn end(&mut self, out: &mut Sink) -> Result<()> {
            self.0.reverse();
            out.write(&self.0)
        }
    }
    for (pieces, expected) in [(&["ab", "cd", "e"][..], "edcba"), (&[], "")] {
        let outcome = streamed(pieces, |response| {
            response.stream(Held::default());
            Ok(())
        });
        assert_eq!(outcome.unwrap().response_text(), Some(expected));
    }
}

#[test]
fn the_rest_goes_on_untouched_when_the_transform_has_seen_enough() {
    struct First;
    impl BodyStream for First {
        fn piece(&mut self, piece: &[u8], out: &mut Sink) -> Result<()> {
            out.pass_rest();
            out.write(piece.to_ascii_uppercase())
        }

        fn end(&mut self, _: &mut Sink) -> Result<()> {
            Err("is not told of the end".into())
        }
    }
    let outcome = streamed(&["ab", "cd", "e"], |response| {
        response.stream(First);
        Ok(())
    });
    assert_eq!(outcome.unwrap().response_text(), Some("ABcde"));
}

#[test]
fn a_hook_that_streams_nothing_lets_the_body_pass() {
    let outcome = streamed(&["ab", "c"], |_| Ok(())).unwrap();
    assert_eq!(outcome.response_pieces(), [b"ab".to_vec(), b"c".to_vec()]);
}

#[test]
fn the_request_is_streamed_with_its_head_at_hand() {
    let on_request = |request: &mut Request| {
        assert_eq!(request.body().read().unwrap_err().code(), Some(Code::Forbidden));
        request.stream(|piece: &[u8], out: &mut Sink| out.write([b"<", piece, b">"].concat()));
        Ok(Continue)
    };
    let plugin = stream::Hooks { on_request, ..stream::IDLE };
    let outcome = testing::request("POST", "/").body_pieces(["a", "", "b"]).run(&plugin).unwrap();
    assert_eq!(outcome.text(), Some("<a><b>"));
}

#[test]
fn the_error_of_a_transform_is_the_outcome() {
    let on_request = |request: &mut Request| {
        request.stream(|_: &[u8], _: &mut Sink| Err("out of tea".into()));
        Ok(Continue)
    };
    let error = post("x").run(&stream::Hooks { on_request, ..stream::IDLE }).unwrap_err();
    assert_eq!(error.to_string(), "out of tea");
}

#[test]
fn streaming_must_be_declared() {
    let on_request = |request: &mut Request| {
        request.stream(|_: &[u8], _: &mut Sink| Ok(()));
        Ok(Continue)
    };
    let error = post("x").run(&buffer::Hooks { on_request, ..buffer::IDLE }).unwrap_err();
    assert_eq!(error.to_string(), "a body is streamed, but its hook does not ask for `BodyMode::stream()`");
}

#[test]
fn the_manifest_says_what_the_hooks_want() {
    let manifest = testing::manifest::<stream::Hooks>().unwrap();
    assert_eq!(
        manifest["bodies"],
        json!({
            "on_request": { "mode": "stream" },
            "on_response": { "mode": "stream", "content": "recoded" },
        })
    );
    let manifest = testing::manifest::<peek::Hooks>().unwrap();
    assert_eq!(manifest["bodies"], json!({ "on_request": { "mode": "peek", "bytes": 4 } }));
    assert_eq!(testing::manifest::<none::Hooks>().unwrap().get("bodies"), None);
}
