//! Upstreams: named pools of endpoints behind one balancer, and the connections to them.
//!
//! [`Upstream`] and its [`Endpoint`]s are shared by all workers: what is known of an endpoint's health, and the
//! balancer's state. [`Connections`] belong to one worker.

mod active;
mod admission;
mod budget;
mod connection;
mod dial;
mod discovery;
mod endpoint;
mod error;
mod greeting;
mod http1;
mod lease;
mod load;
mod multiplexed;
mod outgoing;
mod passive;
mod pool;
mod proxy_header;
mod resolve;
mod srv;
mod stream;
mod tally;
#[expect(clippy::module_inception, reason = "a file is named after its main type")]
mod upstream;

pub use active::{CheckSettings, Health, Probe};
pub use admission::{Place, Refused};
pub use connection::{Connection, SendError, Wanted};
pub use discovery::News;
pub use endpoint::Endpoint;
pub use error::{ConnectError, WireError};
pub use http1::Tunnel;
pub use lease::Lease;
pub use multiplexed::Local;
pub use outgoing::{Change, Interims, Outgoing};
pub use pool::Connections;
pub use proxy_header::{Origin, ProxyProtocol};
pub use srv::Srv;
pub use tally::{Miss, Tally};
pub use upstream::{EndpointPlace, EndpointSettings, Protocol, Settings, Source, Upstream};
