//! Metrics and random bytes of plugins, in native tests.

use std::time::Duration;

use gatewright_sdk::metrics::{Counter, Gauge, Histogram};
use gatewright_sdk::prelude::*;
use gatewright_sdk::{Code, NoConfig, testing};

struct Meter {
    hits: Counter,
    open: Gauge,
    took: Histogram,
}

impl Plugin for Meter {
    type Config = NoConfig;

    fn load(_: NoConfig) -> Result<Self> {
        Ok(Self {
            hits: metrics::counter("hits_total", &[("way", "in"), ("kind", "a")])?,
            open: metrics::gauge("open", &[])?,
            took: metrics::histogram("took_seconds", &[])?,
        })
    }
}

impl Middleware for Meter {
    fn on_request(&self, _: &mut Request) -> Result<Flow> {
        self.hits.increment()?;
        self.hits.add(1.5)?;
        self.open.set(7.0)?;
        self.open.add(-2.0)?;
        self.took.observe(3.0)?;
        self.took.observe_time(Duration::from_millis(250))?;
        Ok(Continue)
    }
}

plugin!(Meter: Middleware);

#[test]
fn an_exchange_shows_what_it_counted() {
    let meter: Meter = testing::load(json!({})).unwrap();
    for _ in 0..2 {
        let outcome = testing::request("GET", "/").run(&meter).unwrap();
        assert_eq!(outcome.metric("hits_total", &[("kind", "a"), ("way", "in")]), Some(2.5));
        assert_eq!(outcome.metric("hits_total", &[]), None);
        assert_eq!(outcome.metric("open", &[]), Some(5.0));
        assert_eq!(outcome.observed("took_seconds", &[]), [3.0, 0.25]);
        assert_eq!(outcome.metric("took_seconds", &[]), None);
    }
}

#[test]
fn the_same_name_and_labels_are_the_same_series() {
    let labels = [("a", "1"), ("b", "2")];
    let one = metrics::counter("same_total", &labels).unwrap();
    assert_eq!(metrics::counter("same_total", &[("b", "2"), ("a", "1")]).unwrap(), one);
    assert_ne!(metrics::counter("same_total", &[]).unwrap(), one);
}

#[test]
fn what_is_no_metric_is_refused() {
    metrics::counter("taken", &[]).unwrap();
    for error in [
        metrics::gauge("taken", &[]).unwrap_err(),
        metrics::gauge("", &[]).unwrap_err(),
        metrics::gauge("1a", &[]).unwrap_err(),
        metrics::gauge("a-b", &[]).unwrap_err(),
        metrics::gauge("a", &[("b-c", "")]).unwrap_err(),
        metrics::counter("down", &[]).unwrap().add(-1.0).unwrap_err(),
    ] {
        assert_eq!(error.code(), Some(Code::Invalid), "{error}");
    }
}

#[test]
fn random_bytes_are_of_any_number_and_not_alike() {
    let mut bytes = vec![0; 100_001];
    random::bytes(&mut bytes).unwrap();
    assert!(bytes.chunks(1000).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    assert_ne!(random::u64().unwrap(), random::u64().unwrap());
}
