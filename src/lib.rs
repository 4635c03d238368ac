//! Gatewright: a programmable HTTP gateway.

pub mod balance;
pub mod config;
pub mod exchange;
pub mod plugin;
pub mod route;
