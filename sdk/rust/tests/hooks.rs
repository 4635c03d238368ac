//! What hooks can do to an exchange, and what they cannot: the stub keeps to the rules of the gateway.

use std::time::{Duration, SystemTime};

use gatewright_sdk::prelude::*;
use gatewright_sdk::testing::{self, Outcome, TestRequest};
use gatewright_sdk::{Code, NoConfig, serde_json};

type Hook<M> = fn(&mut M) -> Result<()>;

/// A plugin of all roles, whose hooks are the test's.
struct Hooks {
    on_request: fn(&mut Request) -> Result<Flow>,
    direct: fn(&mut Request, &mut Direction) -> Result<()>,
    modify_response: Hook<Response>,
    on_response: Hook<Response>,
}

const IDLE: Hooks = Hooks {
    on_request: |_| Ok(Continue),
    direct: |_, _| Ok(()),
    modify_response: |_| Ok(()),
    on_response: |_| Ok(()),
};

impl Plugin for Hooks {
    type Config = NoConfig;

    fn load(_config: NoConfig) -> Result<Self> {
        Ok(IDLE)
    }
}

impl Middleware for Hooks {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        (self.on_request)(request)
    }

    fn on_response(&self, response: &mut Response) -> Result<()> {
        (self.on_response)(response)
    }
}

impl Director for Hooks {
    fn direct(&self, request: &mut Request, direction: &mut Direction) -> Result<()> {
        (self.direct)(request, direction)
    }
}

impl ModifyResponse for Hooks {
    fn modify_response(&self, response: &mut Response) -> Result<()> {
        (self.modify_response)(response)
    }
}

plugin!(Hooks: Director, Middleware, ModifyResponse);

fn get(target: &str) -> TestRequest {
    testing::request("GET", target)
}

fn on_request(on_request: fn(&mut Request) -> Result<Flow>) -> Result<Outcome> {
    get("/a?x=1").header("x-a", "1").header("X-A", "2").run(&Hooks { on_request, ..IDLE })
}

fn on_response(on_response: Hook<Response>) -> Result<Outcome> {
    get("/").upstream_header("x-a", "1").run(&Hooks { on_response, ..IDLE })
}

fn direct(direct: fn(&mut Request, &mut Direction) -> Result<()>) -> Result<Outcome> {
    get("/").run(&Hooks { direct, ..IDLE })
}

#[test]
fn hooks_run_in_the_order_of_a_gateway() {
    let plugin = Hooks {
        on_request: |_| {
            log::info!("on_request");
            Ok(Continue)
        },
        direct: |_, _| {
            log::info!("direct");
            Ok(())
        },
        modify_response: |_| {
            log::info!("modify_response");
            Ok(())
        },
        on_response: |_| {
            log::info!("on_response");
            Ok(())
        },
    };
    let outcome = get("/").run(&plugin).unwrap();
    let logged: Vec<&str> = outcome.logs().iter().map(|line| line.text.as_str()).collect();
    assert_eq!(logged, ["on_request", "direct", "modify_response", "on_response"]);
}

#[test]
fn headers_are_read_and_changed_without_regard_to_case() {
    let outcome = on_request(|request| {
        assert_eq!(request.headers().get("X-a")?.unwrap(), b"1");
        assert_eq!(request.headers().get_str("x-A")?.as_deref(), Some("1"));
        assert_eq!(request.headers().get_all("x-a")?, [b"1", b"2"]);
        assert!(request.headers().get("x-b")?.is_none());
        assert!(request.headers().contains("x-a")?);
        let mut headers = request.headers_mut();
        headers.set("X-B", "é")?;
        headers.add("x-b", b"\xff")?;
        assert!(headers.remove("X-A")?);
        assert!(!headers.remove("x-a")?);
        Ok(Continue)
    })
    .unwrap();
    assert_eq!(outcome.header("x-a"), None);
    assert_eq!(outcome.header_bytes("x-b"), ["é".as_bytes(), b"\xff"]);
}

#[test]
fn all_headers_come_with_one_call() {
    on_request(|request| {
        let all = request.headers().all()?;
        let all: Vec<(&str, &[u8])> = all.iter().collect();
        assert_eq!(all, [("host", &b"gateway.test"[..]), ("x-a", b"1"), ("x-a", b"2")]);
        Ok(Continue)
    })
    .unwrap();
}

#[test]
fn long_values_are_read_whole() {
    let long = "v".repeat(100_000);
    let plugin = Hooks {
        on_request: |request| {
            let value = request.headers().get("x-long")?.unwrap();
            request.headers_mut().set("x-copy", &value)?;
            Ok(Continue)
        },
        ..IDLE
    };
    let outcome = get("/").header("x-long", &long).run(&plugin).unwrap();
    assert_eq!(outcome.header("x-copy"), Some(long.as_str()));
}

#[test]
fn a_header_that_is_not_utf8_is_an_error_as_text_only() {
    let plugin = Hooks {
        on_request: |request| {
            assert_eq!(request.headers().get("x-a")?.unwrap(), b"\xff");
            request.headers().get_str("x-a")?;
            Ok(Continue)
        },
        ..IDLE
    };
    let error = get("/").header("x-a", b"\xff").run(&plugin).unwrap_err();
    assert!(error.to_string().starts_with("read request header `x-a`: invalid utf-8"), "{error}");
}

#[test]
fn fields_that_only_the_gateway_sets_are_refused() {
    const RESERVED: [&str; 9] = [
        "CDN-Loop",
        "Connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    on_request(|request| {
        for name in RESERVED {
            assert_eq!(request.headers_mut().set(name, "1").unwrap_err().code(), Some(Code::Forbidden));
            assert_eq!(request.headers_mut().add(name, "1").unwrap_err().code(), Some(Code::Forbidden));
            assert_eq!(request.headers_mut().remove(name).unwrap_err().code(), Some(Code::Forbidden));
        }
        Ok(Continue)
    })
    .unwrap();
    let error = on_request(|_| Ok(Answer::status(200).header("content-length", "1").into())).unwrap_err();
    assert_eq!(error.code(), Some(Code::Forbidden));
}

#[test]
fn invalid_names_and_values_are_refused() {
    on_response(|response| {
        for name in ["", "x y", "x:", "é", "x\n"] {
            assert_eq!(response.headers_mut().set(name, "1").unwrap_err().code(), Some(Code::Invalid));
            assert_eq!(response.headers().get(name).unwrap_err().code(), Some(Code::Invalid));
        }
        for value in ["a\r\nb: c", "\0", "\u{7f}"] {
            let error = response.headers_mut().set("x", value).unwrap_err();
            assert_eq!(error.to_string(), "set response header `x`: not a valid name, value or number");
        }
        response.headers_mut().set("x", "\t é")
    })
    .unwrap();
}

#[test]
fn parts_are_read_and_changed() {
    let outcome = on_request(|request| {
        assert_eq!(request.method()?, "GET");
        assert_eq!(request.path()?, "/a");
        assert_eq!(request.query()?.as_deref(), Some("x=1"));
        assert_eq!(request.host()?, "gateway.test");
        assert_eq!(request.client_ip()?, "127.0.0.1");
        assert_eq!(request.scheme()?, "http");
        assert_eq!(request.protocol()?, "HTTP/1.1");
        assert_eq!(request.route()?, "/*");
        assert_eq!(request.request_id()?.len(), 32);
        assert_eq!(request.headers().get("host")?.unwrap(), b"gateway.test");
        request.set_method("POST")?;
        request.set_path("/b%20c")?;
        request.set_query("y=2")?;
        request.set_host("other.test")?;
        Ok(Continue)
    })
    .unwrap();
    assert_eq!(outcome.method(), "POST");
    assert_eq!(outcome.path(), "/b%20c");
    assert_eq!(outcome.query(), Some("y=2"));
    assert_eq!(outcome.host(), "other.test");
}

#[test]
fn parts_that_could_not_go_over_the_wire_are_refused() {
    on_request(|request| {
        for path in ["", "a", "/a b", "/a?b", "/a#b", "/\r\n"] {
            assert_eq!(request.set_path(path).unwrap_err().code(), Some(Code::Invalid), "{path:?}");
        }
        for result in [request.set_method("GE T"), request.set_query("a b"), request.set_host("a/b")] {
            assert_eq!(result.unwrap_err().code(), Some(Code::Invalid));
        }
        Ok(Continue)
    })
    .unwrap();
}

#[test]
fn a_director_chooses_where_the_request_goes() {
    let outcome = direct(|request, direction| {
        direction.set_upstream("next")?;
        direction.set_endpoint("http://127.0.0.1:9001")?;
        direction.set_hash_key(request.client_ip()?)?;
        direction.set_timeout(Duration::from_millis(250))
    })
    .unwrap();
    assert_eq!(outcome.upstream(), "next");
    assert_eq!(outcome.endpoint(), Some("http://127.0.0.1:9001"));
    assert_eq!(outcome.hash_key(), Some(&b"127.0.0.1"[..]));
    assert_eq!(outcome.timeout(), Some(Duration::from_millis(250)));
    let error = direct(|_, direction| direction.set_timeout(Duration::ZERO)).unwrap_err();
    assert_eq!(error.code(), Some(Code::Invalid));
}

#[test]
fn an_answer_goes_to_the_client_through_the_response_phase() {
    let plugin = Hooks {
        on_request: |_| Ok(Answer::text(403, "no").header("x-why", "because").into()),
        direct: |_, _| Err("the director has no part in it".into()),
        modify_response: |_| Err("nor has modify-response".into()),
        on_response: |response| {
            assert_eq!(response.status()?, 403);
            response.headers_mut().set("x-why", "no reason")
        },
    };
    let outcome = get("/").run(&plugin).unwrap();
    let answer = outcome.answer().unwrap();
    assert_eq!((answer.status(), answer.text()), (403, Some("no")));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(answer.header("x-why"), Some("because"));
    assert_eq!(outcome.response_header("x-why"), Some("no reason"));
}

#[test]
fn an_answer_needs_a_status_of_a_whole_response() {
    const WRONG: [fn(&mut Request) -> Result<Flow>; 3] = [
        |_| Ok(Answer::status(0).into()),
        |_| Ok(Answer::status(199).into()),
        |_| Ok(Answer::status(600).into()),
    ];
    for answer in WRONG {
        assert_eq!(on_request(answer).unwrap_err().code(), Some(Code::Invalid));
    }
}

#[test]
fn the_response_is_changed_and_the_request_can_still_be_read() {
    let outcome = on_response(|response| {
        assert_eq!(response.status()?, 200);
        assert_eq!(response.request().path()?, "/");
        assert_eq!(response.request().upstream()?.as_deref(), Some("default"));
        response.set_status(599)?;
        assert_eq!(response.set_status(600).unwrap_err().code(), Some(Code::Invalid));
        Ok(())
    })
    .unwrap();
    assert_eq!(outcome.status(), 599);
}

#[test]
fn attributes_last_from_phase_to_phase() {
    let plugin = Hooks {
        on_request: |request| {
            assert_eq!(request.attributes().get("before")?.unwrap(), b"x");
            request.attributes().set("bytes", [0xff, 0])?;
            request.attributes().set_number("number", -7)?;
            assert_eq!(request.attributes().set("", "x").unwrap_err().code(), Some(Code::Invalid));
            Ok(Continue)
        },
        on_response: |response| {
            assert_eq!(response.attributes().get("bytes")?.unwrap(), [0xff, 0]);
            assert_eq!(response.attributes().get_number::<i8>("number")?, Some(-7));
            let error = response.attributes().get_number::<u8>("number").unwrap_err();
            assert!(error.to_string().starts_with("attribute `number`: invalid digit"), "{error}");
            assert!(response.attributes().remove("before")?);
            assert!(!response.attributes().remove("before")?);
            Ok(())
        },
        ..IDLE
    };
    let outcome = get("/").attribute("before", "x").run(&plugin).unwrap();
    assert_eq!(outcome.attribute("number"), Some("-7"));
    assert_eq!(outcome.attribute("bytes"), None);
    assert_eq!(outcome.attribute_bytes("bytes"), Some(&[0xff, 0][..]));
    assert_eq!(outcome.attribute("before"), None);
}

#[test]
fn attributes_hold_typed_values() {
    on_request(|request| {
        let attributes = request.attributes();
        attributes.set_bool("flag", true)?;
        attributes.set_json("claims", &json!({ "sub": "alice" }))?;
        assert_eq!(attributes.get_str("flag")?.as_deref(), Some("true"));
        assert_eq!(attributes.get_bool("flag")?, Some(true));
        assert_eq!(attributes.get_bool("none")?, None);
        assert_eq!(attributes.get_json::<serde_json::Value>("claims")?, Some(json!({ "sub": "alice" })));
        let error = attributes.get_bool("claims").unwrap_err();
        assert_eq!(error.to_string(), "attribute `claims`: neither `true` nor `false`");
        let error = attributes.get_json::<u8>("claims").unwrap_err();
        assert!(error.to_string().starts_with("attribute `claims`: invalid type"), "{error}");
        Ok(Continue)
    })
    .unwrap();
}

#[test]
fn a_level_that_is_off_formats_nothing() {
    struct Explosive;
    impl std::fmt::Display for Explosive {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("was formatted")
        }
    }
    let plugin = Hooks {
        on_request: |_| {
            log::debug!("{Explosive}");
            log::trace!("step");
            log::warn!("odd: {}", 1);
            Ok(Continue)
        },
        ..IDLE
    };
    let outcome = get("/").log_level(log::Level::Info).run(&plugin).unwrap();
    assert_eq!(outcome.logs(), [testing::LogLine { level: log::Level::Warn, text: "odd: 1".to_owned() }]);
}

#[test]
fn the_clock_is_the_tests() {
    let plugin = Hooks {
        on_request: |request| {
            assert_eq!(clock::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(5));
            request.attributes().set_number("start", clock::monotonic().as_nanos())?;
            Ok(Continue)
        },
        on_response: |response| {
            let start: u128 = response.attributes().get_number("start")?.unwrap_or_default();
            assert_eq!(clock::monotonic().as_nanos() - start, 3_000_000);
            Ok(())
        },
        ..IDLE
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    get("/").at(at).upstream_takes(Duration::from_millis(3)).run(&plugin).unwrap();
}

#[test]
fn the_error_of_a_hook_and_a_mistake_in_the_request_are_the_outcome() {
    let error = on_request(|_| Err("out of tea".into())).unwrap_err();
    assert_eq!(error.to_string(), "out of tea");
    let error = get("/").header("x y", "1").run(&IDLE).unwrap_err();
    assert_eq!(error.to_string(), "test request `x y`: not a valid name, value or number");
    assert!(get("no slash").run(&IDLE).is_err());
}

#[test]
fn the_manifest_says_what_the_plugin_is() {
    let manifest = testing::manifest::<Hooks>().unwrap();
    assert_eq!(manifest["name"], "gatewright-sdk");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(manifest["roles"], json!(["director", "middleware", "modify_response"]));
    assert_eq!(manifest["config"]["additionalProperties"], json!(false));
}
