//! The plugin host: Wasm modules in, typed calls out.
//!
//! ```text
//! engine       one wasmtime engine, the table of host calls, the ticker
//! module       compiled bytes, their exports and imports checked, their manifest
//! capability   what a module asks for
//! plugin       a configured use of a module, proven to start
//! linked       a compiled module with its imports, and where its exports are
//! instance     one live store: serves one call at a time
//! frozen       a plugin as its `init` left it, for instances that serve one call;  nursery: where those begin;
//!              segments: what their module needs not have
//! pool         a worker's idle instances of one plugin
//! body         how a module wants message bodies;  streaming: a guest that has one piece by piece
//! ticking      the background instance of a plugin that asked for periodic calls
//! director, middleware, modify_response    the typed calls
//! host/        what a guest may call, a file for each capability
//! memory       the only place that touches a guest's pointers
//! clock        the time that guests see
//! limits       budgets of memory and time;  ticker: the clock of the latter
//! trip         leaves a plugin alone that keeps failing;  rate: how many lines of the log it may cause
//! tally        what a worker counts of a plugin's calls;  series: what guests count
//! ```
//!
//! A guest is hostile until proven otherwise: whatever it does costs the exchange that called it and the instance it ran
//! on, never more. Nothing here knows of upstreams, configuration files or hyper.

mod body;
mod capability;
mod clock;
mod director;
mod engine;
mod error;
mod frozen;
mod host;
mod instance;
mod limits;
mod linked;
mod manifest;
mod memory;
mod middleware;
mod modify_response;
mod module;
mod nursery;
#[expect(clippy::module_inception, reason = "a file is named after its main type")]
mod plugin;
mod pool;
mod rate;
mod segments;
mod series;
mod streaming;
mod tally;
mod ticker;
mod ticking;
mod trip;

pub use body::{BodyMode, BodyUse, Content};
pub use capability::Capability;
pub use clock::Clock;
pub use engine::Engine;
pub use error::{CallError, Failure, LoadError, ModuleError, OutOfBounds};
pub use host::{reply_head, unpack_head};
pub use instance::Hook;
pub use limits::Limits;
pub use manifest::{Manifest, Role};
pub use memory::GuestMemory;
pub use middleware::Flow;
pub use module::{Digest, MemorySize, Module};
pub use plugin::{Grants, OnError, Plugin};
pub use pool::Pool;
pub use series::{Book, PREFIX as METRIC_PREFIX};
pub use streaming::{Made, Streaming};
pub use tally::Tally;
pub use ticking::Ticking;
