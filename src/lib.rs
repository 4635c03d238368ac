//! Gatewright: a programmable HTTP gateway.

pub mod admin;
pub mod balance;
pub mod cli;
pub mod config;
pub mod exchange;
pub mod gateway;
pub mod plugin;
pub mod proxy;
pub mod reload;
pub mod route;
pub mod server;
pub mod snapshot;
pub mod upstream;
