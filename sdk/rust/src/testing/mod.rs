//! Tests of plugins without Wasm and without a gateway: plain `cargo test`.
//!
//! [`load`] makes a plugin from its configuration, as the gateway does; [`request`] builds an exchange, and
//! [`TestRequest::run`] sends it through the plugin:
//!
//! ```
//! use gatewright_sdk::prelude::*;
//! use gatewright_sdk::testing;
//!
//! #[config]
//! struct Hello {
//!     greeting: String,
//! }
//!
//! impl Middleware for Hello {
//!     fn on_request(&self, request: &mut Request) -> Result<Flow> {
//!         request.headers_mut().set("x-hello", &self.greeting)?;
//!         Ok(Continue)
//!     }
//! }
//!
//! plugin!(Hello: Middleware);
//!
//! # fn main() -> Result<()> {
//! let hello: Hello = testing::load(json!({ "greeting": "hi" }))?;
//! let outcome = testing::request("GET", "/shop/a?x=1").client_ip("10.0.0.1").run(&hello)?;
//! assert_eq!(outcome.header("x-hello"), Some("hi"));
//! # Ok(()) }
//! ```
//!
//! What the gateway would refuse is refused here by the same rules: fields that only it sets, names and values that
//! are none, a status that no response has. Three things are not covered: the limits of a plugin, content codings (give
//! bodies as the hook asks for them), and how the plugins of one route meet.
//!
//! [`tick`] is the same for a [`Tick`](crate::Tick). Upstreams that a plugin calls by itself are made up with
//! [`TestRequest::upstream`].

mod answered;
mod flow;
mod kv;
mod outcome;
mod request;
mod tick;
mod upstream;

use crate::{Guest, Plugin, Result, guest};

pub use answered::{Answered, LogLine};
pub use kv::Kv;
pub use outcome::Outcome;
pub use request::{TestRequest, request};
pub use tick::{TestTick, tick};
pub use upstream::{Reply, Sent};

/// Makes a plugin from its configuration, as the gateway does: unknown keys, missing ones and those of a wrong type
/// are errors, and so is what [`Plugin::load`] refuses.
pub fn load<P: Plugin>(config: serde_json::Value) -> Result<P> {
    P::load(serde_json::from_value(config).map_err(|error| guest::config_error(&error))?)
}

/// The manifest of a plugin, as the gateway reads it: its name, version, roles and the JSON Schema of its
/// configuration.
pub fn manifest<G: Guest>() -> Result<serde_json::Value> {
    Ok(serde_json::from_str(&guest::manifest_json::<G>())?)
}
