use std::time::{Duration, SystemTime};

use gatewright_sdk::serde_json::Value;
use gatewright_sdk::testing::{self, Kv, Outcome, TestRequest};

use super::*;

/// Two at once, and one more each second.
fn limit() -> RateLimit {
    testing::load(json!({ "rate": 1, "burst": 2 })).unwrap()
}

fn with(config: Value) -> RateLimit {
    testing::load(config).unwrap()
}

fn get() -> TestRequest {
    testing::request("GET", "/")
}

fn at(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000) + Duration::from_millis(millis)
}

#[track_caller]
fn ask(plugin: &RateLimit, kv: &Kv, request: TestRequest) -> Outcome {
    request.kv(kv).run(plugin).unwrap()
}

fn headers(outcome: &Outcome) -> [Option<&str>; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map(|name| outcome.response_header(name))
}

#[test]
fn a_client_has_its_burst_and_then_its_rate() {
    let (plugin, kv) = (limit(), Kv::new());
    let mut statuses = Vec::new();
    for millis in [0, 0, 0, 999, 1000, 1000, 5000, 5000, 5000] {
        statuses.push(ask(&plugin, &kv, get().at(at(millis))).status());
    }
    assert_eq!(statuses, [200, 200, 429, 429, 200, 429, 200, 200, 429]);
}

#[test]
fn every_response_tells_how_the_client_stands() {
    let (plugin, kv) = (limit(), Kv::new());
    let first = ask(&plugin, &kv, get().at(at(0)));
    assert_eq!(headers(&first), [Some("2"), Some("1"), Some("1")]);
    assert_eq!(first.attribute("rate-limit"), None, "the access log need not show it");
    let second = ask(&plugin, &kv, get().at(at(100)));
    assert_eq!(headers(&second), [Some("2"), Some("0"), Some("2")]);
    let refused = ask(&plugin, &kv, get().at(at(200)));
    assert_eq!(headers(&refused), [Some("2"), Some("0"), Some("2")]);
    let answer = refused.answer().unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.text(), Some(r#"{"error":"too many requests"}"#));
}

#[test]
fn who_waits_as_long_as_told_passes() {
    let (plugin, kv) = (with(json!({ "rate": 3, "per": "10s", "burst": 1 })), Kv::new());
    ask(&plugin, &kv, get().at(at(0)));
    let refused = ask(&plugin, &kv, get().at(at(1)));
    let wait: u64 = refused.answer().unwrap().header("retry-after").unwrap().parse().unwrap();
    assert_eq!(wait, 4);
    assert_eq!(ask(&plugin, &kv, get().at(at(1 + wait * 1000))).status(), 200);
}

#[test]
fn clients_do_not_disturb_each_other() {
    let (plugin, kv) = (with(json!({ "rate": 1 })), Kv::new());
    for address in ["10.0.0.1", "10.0.0.2", "2001:db8::1"] {
        assert_eq!(ask(&plugin, &kv, get().client_ip(address)).status(), 200);
        assert_eq!(ask(&plugin, &kv, get().client_ip(address)).status(), 429);
    }
    assert_eq!(ask(&plugin, &kv, get().client_ip("2001:db8::ffff")).status(), 429, "the same network");
}

#[test]
fn a_header_or_an_attribute_can_tell_clients_apart() {
    let kv = Kv::new();
    let plugin = with(json!({ "rate": 1, "key": "header:X-User" }));
    for (user, status) in [("alice", 200), ("bob", 200), ("alice", 429)] {
        assert_eq!(ask(&plugin, &kv, get().header("x-user", user)).status(), status);
    }
    let plugin = with(json!({ "rate": 1, "key": "attribute:user", "name": "by-user" }));
    for (user, status) in [("alice", 200), ("bob", 200), ("alice", 429)] {
        assert_eq!(ask(&plugin, &kv, get().attribute("user", user)).status(), status);
    }
}

#[test]
fn without_the_header_it_is_the_address_that_counts() {
    let (plugin, kv) = (with(json!({ "rate": 1, "key": "header:x-user" })), Kv::new());
    let long = "u".repeat(257);
    assert_eq!(ask(&plugin, &kv, get()).status(), 200);
    for request in [get(), get().header("x-user", ""), get().header("x-user", &long)] {
        assert_eq!(ask(&plugin, &kv, request).status(), 429);
    }
    assert_eq!(ask(&plugin, &kv, get().header("x-user", b"\xff")).status(), 200);
    assert_eq!(ask(&plugin, &kv, get().header("x-user", "ip:127.0.0.1")).status(), 200, "not the address");
}

#[test]
fn a_full_store_refuses_or_lets_pass_as_configured() {
    let kv = Kv::new();
    kv.set_full(true);
    let refused = ask(&limit(), &kv, get());
    let answer = refused.answer().unwrap();
    assert_eq!((answer.status(), answer.header("retry-after")), (503, Some("1")));
    assert_eq!(headers(&refused), [None; 3]);
    let open = with(json!({ "rate": 1, "when_full": "allow" }));
    for _ in 0..3 {
        let passed = ask(&open, &kv, get());
        assert_eq!((passed.status(), passed.logs().len()), (200, 1));
    }
}

#[test]
fn who_is_known_is_counted_in_a_full_store() {
    let (plugin, kv) = (limit(), Kv::new());
    ask(&plugin, &kv, get());
    kv.set_full(true);
    assert_eq!(ask(&plugin, &kv, get()).status(), 200);
    assert_eq!(ask(&plugin, &kv, get()).status(), 429);
}

#[test]
fn a_bucket_that_others_write_is_tried_again_but_not_for_ever() {
    let (plugin, kv) = (limit(), Kv::new());
    kv.contend(15);
    assert_eq!(headers(&ask(&plugin, &kv, get()))[1], Some("1"));
    kv.contend(16);
    assert_eq!(ask(&plugin, &kv, get()).status(), 503);
}

#[test]
fn a_foreign_entry_is_an_error_and_not_a_bucket() {
    let kv = Kv::new();
    kv.put("rate-limit:ip:127.0.0.1", "not eight bytes");
    let error = get().kv(&kv).run(&limit()).unwrap_err();
    assert!(error.to_string().contains("no bucket"), "{error}");
}

#[test]
fn of_two_limits_the_stricter_is_told() {
    let kv = Kv::new();
    let less = ask(&limit(), &kv, get().upstream_header("ratelimit-remaining", "0"));
    assert_eq!(headers(&less), [None, Some("0"), None]);
    let more = ask(&limit(), &Kv::new(), get().upstream_header("ratelimit-remaining", "50"));
    assert_eq!(headers(&more), [Some("2"), Some("1"), Some("1")]);
}

#[test]
fn what_could_not_work_is_refused_at_load() {
    for (config, message) in [
        (json!({}), "config: missing field `rate`"),
        (json!({ "rate": 0 }), "rate: 0 would let nobody in"),
        (json!({ "rate": 1, "burst": 0 }), "burst: 0 would let nobody in"),
        (json!({ "rate": 1, "per": "1d" }), "config: `1d` is not a duration"),
        (json!({ "rate": 1, "key": "cookie:a" }), "key: `cookie:a` is not"),
        (json!({ "rate": 1, "key": "header:x y" }), "key: `x y` is not the name of a header"),
        (json!({ "rate": 1, "when_full": "open" }), "config: unknown variant `open`"),
        (json!({ "rate": 1, "name": "" }), "name: 1 to 64 bytes"),
    ] {
        let error = testing::load::<RateLimit>(config).err().unwrap().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}
