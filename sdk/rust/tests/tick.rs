//! What a plugin does from time to time, in native tests.

use std::time::Duration;

use gatewright_sdk::prelude::*;
use gatewright_sdk::testing::{self, Reply};
use gatewright_sdk::{Code, NoConfig};

struct Keys {
    period: Duration,
}

impl Plugin for Keys {
    type Config = NoConfig;

    fn load(_: NoConfig) -> Result<Self> {
        Ok(Self { period: Duration::from_secs(1) })
    }
}

impl Tick for Keys {
    fn period(&self) -> Duration {
        self.period
    }

    fn on_tick(&self) -> Result<()> {
        log::info!("fetching");
        kv::put("keys", http::get("auth", "/keys").send()?.body()?, None)
    }
}

impl Middleware for Keys {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        request.headers_mut().set("x-keys", kv::get("keys")?.unwrap_or_default())?;
        Ok(Continue)
    }
}

plugin!(Keys: Middleware, Tick);

#[test]
fn what_a_tick_learns_is_there_for_exchanges() {
    let keys: Keys = testing::load(json!({})).unwrap();
    let store = testing::Kv::new();
    let tick = testing::tick().kv(&store).upstream("auth", |_| Reply::status(200).body("k1"));
    let outcome = tick.run(&keys).unwrap();
    assert_eq!(outcome.logs().len(), 1);
    assert_eq!(outcome.sent()[0].target(), "/keys");
    let outcome = testing::request("GET", "/").kv(&store).run(&keys).unwrap();
    assert_eq!(outcome.header("x-keys"), Some("k1"));
}

#[test]
fn the_error_of_a_tick_is_the_outcome() {
    let tick = testing::tick().upstream("auth", |_| Reply::none(Code::Unreachable));
    let error = tick.run(&Keys { period: Duration::from_secs(1) }).unwrap_err();
    assert_eq!(error.code(), Some(Code::Unreachable));
}

#[test]
fn a_period_has_at_least_a_tenth_of_a_second() {
    let error = testing::tick().run(&Keys { period: Duration::from_millis(99) }).unwrap_err();
    assert_eq!(error.to_string(), "tick every `99ms`: not a valid name, value or number");
}

#[test]
fn a_tick_is_no_role() {
    assert_eq!(testing::manifest::<Keys>().unwrap()["roles"], json!(["middleware"]));
}
