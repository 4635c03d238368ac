//! The key-value store as plugins see it, in native tests.

use std::time::{Duration, SystemTime};

use gatewright_sdk::prelude::*;
use gatewright_sdk::{Code, testing};

/// Runs what a test hands it.
struct Hook(fn() -> Result<()>);

impl Plugin for Hook {
    type Config = gatewright_sdk::NoConfig;

    fn load(_: Self::Config) -> Result<Self> {
        Ok(Self(|| Ok(())))
    }
}

impl Middleware for Hook {
    fn on_request(&self, _: &mut Request) -> Result<Flow> {
        (self.0)().map(|()| Continue)
    }
}

plugin!(Hook: Middleware);

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

#[track_caller]
fn run(store: &testing::Kv, millis: u64, hook: fn() -> Result<()>) {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(100) + Duration::from_millis(millis);
    let outcome = testing::request("GET", "/").kv(store).at(at).run(&Hook(hook));
    assert_eq!(outcome.err(), None);
}

#[test]
fn entries_last_from_exchange_to_exchange_until_they_end() {
    let store = testing::Kv::new();
    run(&store, 0, || {
        assert_eq!(kv::get("a")?, None);
        kv::put("a", [0xff, 0], SECOND)?;
        kv::put("b", "text", None)
    });
    run(&store, 999, || {
        assert_eq!(kv::get("a")?.unwrap(), [0xff, 0]);
        assert!(kv::get_str("a").unwrap_err().to_string().starts_with("read entry `a`: invalid utf-8"));
        Ok(())
    });
    run(&store, 1000, || {
        assert_eq!(kv::get("a")?, None);
        assert_eq!(kv::get_str("b")?.as_deref(), Some("text"));
        assert!(kv::delete("b")?);
        assert!(!kv::delete("b")?);
        Ok(())
    });
    assert_eq!(store.get("b"), None);
}

#[test]
fn exchanges_without_a_store_in_common_share_nothing() {
    let hook = Hook(|| kv::compare_and_swap("a", None, "1", None).map(|first| assert!(first)));
    testing::request("GET", "/").run(&hook).unwrap();
    testing::request("GET", "/").run(&hook).unwrap();
}

#[test]
fn a_counter_ends_when_it_was_made_to() {
    let store = testing::Kv::new();
    run(&store, 0, || {
        assert_eq!(kv::add("n", 5, SECOND)?, 5);
        assert_eq!(kv::get_str("n")?.as_deref(), Some("5"));
        Ok(())
    });
    run(&store, 900, || kv::add("n", -7, SECOND).map(|n| assert_eq!(n, -2)));
    run(&store, 1000, || kv::add("n", 1, None).map(|n| assert_eq!(n, 1)));
}

#[test]
fn a_swap_needs_the_value_that_it_expects() {
    run(&testing::Kv::new(), 0, || {
        assert!(!kv::compare_and_swap("a", Some(b"0"), "1", None)?);
        assert!(kv::compare_and_swap("a", None, "1", None)?);
        assert!(!kv::compare_and_swap("a", None, "2", None)?);
        assert!(kv::compare_and_swap("a", Some(b"1"), "2", None)?);
        assert_eq!(kv::get_str("a")?.as_deref(), Some("2"));
        Ok(())
    });
}

#[test]
fn what_no_entry_can_be_is_refused() {
    run(&testing::Kv::new(), 0, || {
        let (long_key, long_value) = ([b'k'; 513], vec![b'v'; 65_537]);
        for error in [
            kv::get("").unwrap_err(),
            kv::get(long_key).unwrap_err(),
            kv::put(long_key, "", None).unwrap_err(),
            kv::put("k", &long_value, None).unwrap_err(),
            kv::compare_and_swap("k", None, &long_value, None).unwrap_err(),
            kv::delete("").unwrap_err(),
            kv::add("", 1, None).unwrap_err(),
        ] {
            assert_eq!(error.code(), Some(Code::Invalid), "{error}");
        }
        kv::put(&long_key[..512], &long_value[..65_536], None)?;
        assert_eq!(kv::get(&long_key[..512])?.unwrap().len(), 65_536);
        kv::put("n", i64::MAX.to_string(), None)?;
        let error = kv::add("n", 1, None).unwrap_err();
        assert_eq!(error.to_string(), "add to entry `n`: not a valid name, value or number");
        Ok(())
    });
}

#[test]
fn a_test_can_fill_the_store_and_come_before_swaps() {
    let store = testing::Kv::new();
    store.put("a", "1");
    store.set_full(true);
    store.contend(2);
    run(&store, 0, || {
        assert_eq!(kv::put("b", "", None).unwrap_err().code(), Some(Code::Limit));
        kv::put("a", "2", None)?;
        assert!(!kv::compare_and_swap("a", Some(b"2"), "3", None)?);
        assert!(!kv::compare_and_swap("a", Some(b"2"), "3", None)?);
        assert!(kv::compare_and_swap("a", Some(b"2"), "3", None)?);
        Ok(())
    });
    assert_eq!(store.get("a").unwrap(), b"3");
}
