//! The gateway as its users meet it: the real program, real sockets, real plugins.
//!
//! Tests start the program in a folder of its own on ports the kernel chooses, and wait for conditions, never for time
//! to pass. The example plugins must have been built before: `cargo xtask plugins`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test that cannot go on says so by panicking, and its helpers read best when they take values"
)]

mod assemblyscript;
mod balance;
mod bodies;
mod conformance;
mod corpus;
mod crowd;
mod files;
mod fresh;
mod handover;
mod health;
mod hostile;
mod http2;
mod kv;
mod lifecycle;
mod limits;
mod load;
mod metrics;
mod names;
mod outbound;
mod plugin_test;
mod plugins;
mod proxy;
mod reload;
mod scarcity;
mod support;
mod ticks;
mod tls;
mod tools;
mod unix;
mod wire;
