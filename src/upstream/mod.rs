//! Upstreams: named pools of endpoints behind one balancer, and the connections to them.
//!
//! [`Upstream`] and its [`Endpoint`]s are shared by all workers: what is known of an endpoint's health, and the
//! balancer's state. [`Connections`] belong to one worker.

mod connection;
mod endpoint;
mod error;
mod lease;
mod multiplexed;
mod passive;
mod pool;
#[expect(clippy::module_inception, reason = "a file is named after its main type")]
mod upstream;

pub use connection::{Connection, SendError};
pub use endpoint::Endpoint;
pub use error::ConnectError;
pub use lease::Lease;
pub use multiplexed::Local;
pub use pool::Connections;
pub use upstream::{EndpointSettings, Protocol, Settings, Upstream};
