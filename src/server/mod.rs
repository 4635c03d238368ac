//! Sockets, connections and the workers that serve them.
//!
//! A worker is a thread with a runtime of its own, its own sockets (`SO_REUSEPORT`), connections and plugin instances:
//! nothing on the request path crosses from one to another.

mod aside;
mod client;
mod clock;
mod connection;
mod crowd;
mod guard;
mod http1;
mod http2;
mod inherited;
mod listener;
mod proxy_header;
mod rest;
mod scarcity;
mod stream;
mod streams;
mod tally;
mod transport;
mod watched;
mod worker;

pub use connection::{Http2, Protocols};
pub use guard::{Admission, End, HeadLimits};
pub use inherited::{ADMIN, Inherited, start_with};
pub use listener::{BindError, Bound, Listener, turn_away};
pub use worker::{Worker, Workers};
