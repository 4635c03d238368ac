//! Numbers for the gateway's metrics page.
//!
//! A series is a name with labels, shared by all instances of the plugin and kept from reload to reload. It appears as
//! `gatewright_guest_NAME{plugin="PLUGIN", …}`. Make it once, when the plugin is loaded, and keep its handle: to use
//! that is a single call.
//!
//! ```
//! use gatewright_sdk::metrics::Counter;
//! use gatewright_sdk::prelude::*;
//! # use gatewright_sdk::{NoConfig, testing};
//!
//! struct Doorman {
//!     refused: Counter,
//! }
//!
//! impl Plugin for Doorman {
//!     type Config = NoConfig;
//!
//!     fn load(_config: NoConfig) -> Result<Self> {
//!         Ok(Self { refused: metrics::counter("refused_total", &[("why", "closed")])? })
//!     }
//! }
//!
//! impl Middleware for Doorman {
//!     fn on_request(&self, _request: &mut Request) -> Result<Flow> {
//!         self.refused.increment()?;
//!         Ok(Answer::text(403, "closed\n").into())
//!     }
//! }
//!
//! plugin!(Doorman: Middleware);
//!
//! # fn main() -> Result<()> {
//! # let doorman: Doorman = testing::load(json!({}))?;
//! let outcome = testing::request("GET", "/").run(&doorman)?;
//! assert_eq!(outcome.metric("refused_total", &[("why", "closed")]), Some(1.0));
//! # Ok(()) }
//! ```
//!
//! Names, and those of labels, are made of letters, digits and `_`, and do not begin with a digit. Give a label few
//! values: each is a series of its own, and a plugin has a limited number of them.

use std::time::Duration;

use gatewright_abi::{Code, Metric};

use crate::error::done;
use crate::headers::pack;
use crate::{Error, Result, host};

/// A number that only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter(Series);

/// A number that goes up and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauge(Series);

/// Counts values by their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram(Series);

/// The counter with this name and these labels; its name should end in `_total`.
pub fn counter(name: &str, labels: &[(&str, &str)]) -> Result<Counter> {
    Series::define(Metric::Counter, name, labels).map(Counter)
}

/// The gauge with this name and these labels.
pub fn gauge(name: &str, labels: &[(&str, &str)]) -> Result<Gauge> {
    Series::define(Metric::Gauge, name, labels).map(Gauge)
}

/// The histogram with this name and these labels; times are in seconds, and its name should end in the unit.
pub fn histogram(name: &str, labels: &[(&str, &str)]) -> Result<Histogram> {
    Series::define(Metric::Histogram, name, labels).map(Histogram)
}

impl Counter {
    /// Adds one.
    pub fn increment(&self) -> Result<()> {
        self.add(1.0)
    }

    /// Adds `value`, which is not less than 0.
    pub fn add(&self, value: f64) -> Result<()> {
        self.0.done(host::metric_add(self.0.id, value), "add to")
    }
}

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: f64) -> Result<()> {
        self.0.done(host::metric_set(self.0.id, value), "set")
    }

    /// Adds `value`, which may be less than 0.
    pub fn add(&self, value: f64) -> Result<()> {
        self.0.done(host::metric_add(self.0.id, value), "add to")
    }
}

impl Histogram {
    /// Counts a value.
    pub fn observe(&self, value: f64) -> Result<()> {
        self.0.done(host::metric_observe(self.0.id, value), "observe")
    }

    /// Counts a time, in seconds.
    pub fn observe_time(&self, time: Duration) -> Result<()> {
        self.observe(time.as_secs_f64())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Series {
    id: u32,
}

impl Series {
    fn define(kind: Metric, name: &str, labels: &[(&str, &str)]) -> Result<Self> {
        let mut packed = Vec::new();
        for (label, value) in labels {
            pack(&mut packed, label.as_bytes(), value.as_bytes());
        }
        let answer = host::metric_define(kind, name.as_bytes(), &packed);
        match u32::try_from(answer) {
            Ok(id) => Ok(Self { id }),
            Err(_) => {
                Err(Error::refused(Code::from_i32(answer).unwrap_or(Code::Invalid), "define metric", name))
            }
        }
    }

    fn done(self, answer: i32, what: &str) -> Result<()> {
        done(answer, what, format_args!("metric {}", self.id))
    }
}
