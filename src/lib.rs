//! Gatewright: a programmable HTTP gateway.

pub mod balance;
pub mod config;
pub mod route;
