//! Requests to upstreams of the gateway's configuration.
//!
//! Each upstream must be granted: `allow = ["http:auth"]`. Requests go through its balancer and its health checks, as
//! those of clients do. Hooks and ticks may send them, [`load`](crate::Plugin::load) may not.
//!
//! ```
//! use std::time::Duration;
//!
//! use gatewright_sdk::prelude::*;
//! # use gatewright_sdk::testing;
//!
//! # #[config]
//! # struct Auth;
//! # impl Middleware for Auth {
//! fn on_request(&self, request: &mut Request) -> Result<Flow> {
//!     let check = http::get("auth", "/check")
//!         .header("x-path", request.path()?)
//!         .timeout(Duration::from_millis(200))
//!         .send()?;
//!     if !check.is_success() {
//!         return Ok(Answer::status(401).into());
//!     }
//!     if let Some(user) = check.header_str("x-user")? {
//!         request.attributes().set("user", user)?;
//!     }
//!     Ok(Continue)
//! }
//! # }
//! # plugin!(Auth: Middleware);
//! # let reply = |_: &testing::Sent| testing::Reply::status(200).header("x-user", "alice");
//! # let outcome = testing::request("GET", "/").upstream("auth", reply).run(&Auth {}).unwrap();
//! # assert_eq!(outcome.attribute("user"), Some("alice"));
//! ```
//!
//! The guest waits, the gateway's worker does not: it serves others meanwhile. Several requests at once are
//! [`send_all`].

mod request;
mod response;

use crate::error::done;
use crate::{Result, host};

pub use request::Request;
pub use response::Response;

/// A `GET` request for `target`, path and query, to an upstream.
pub fn get(upstream: &str, target: &str) -> Request {
    Request::new("GET", upstream, target)
}

/// A `HEAD` request.
pub fn head(upstream: &str, target: &str) -> Request {
    Request::new("HEAD", upstream, target)
}

/// A `POST` request.
pub fn post(upstream: &str, target: &str) -> Request {
    Request::new("POST", upstream, target)
}

/// A `PUT` request.
pub fn put(upstream: &str, target: &str) -> Request {
    Request::new("PUT", upstream, target)
}

/// A `DELETE` request.
pub fn delete(upstream: &str, target: &str) -> Request {
    Request::new("DELETE", upstream, target)
}

/// A request of any method.
pub fn request(method: &str, upstream: &str, target: &str) -> Request {
    Request::new(method, upstream, target)
}

/// Sends all requests at once, waits until the last has ended, and gives the outcome of each, in their order.
pub fn send_all(requests: impl IntoIterator<Item = Request>) -> Vec<Result<Response>> {
    let started: Vec<_> = requests.into_iter().map(|request| request.start()).collect();
    let waited = wait();
    let ended = |started: Result<request::Started>| {
        let started = started?;
        waited.clone()?;
        started.ended()
    };
    started.into_iter().map(ended).collect()
}

fn wait() -> Result<()> {
    done(host::http_wait(), "wait for", "requests")
}
