//! What a guest may call, a file for each capability. The name of an import module is the capability it belongs to.

mod attributes;
mod body;
mod clock;
mod config;
mod head;
mod http;
mod kv;
mod log;
mod metrics;
mod part;
mod random;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use gatewright_abi::{Code, import};
use wasmtime::{Linker, Memory};

pub use head::{reply_head, unpack_head};
pub(super) use http::Calls;
pub(super) use log::LINES_PER_CALL;

use super::clock::Clock;
use super::instance::Hook;
use super::limits::{Limits, MemoryBudget, START_TIME, TimeBudget};
use super::plugin::Identity;
use super::ticker::Beat;
use crate::exchange::{Exchange, FieldError, FieldNames};

/// The state behind one instance.
pub(super) struct Guest {
    pub(super) plugin: Arc<Identity>,
    /// What is running.
    pub(super) hook: Hook,
    /// The exchange that is being served, lent for the time of the call; a vacant one in between.
    pub(super) exchange: Box<Exchange>,
    pub(super) memory: Option<Memory>,
    pub(super) memory_budget: MemoryBudget,
    pub(super) time: TimeBudget,
    /// Why the guest says that it is about to fail.
    pub(super) reason: Option<String>,
    /// The header names that it has used.
    pub(super) names: FieldNames,
    /// How many lines it may still log in this call.
    pub(super) log_lines: u32,
    /// How often it wants to be called, from `init`.
    pub(super) period: Option<Duration>,
    /// Its own requests.
    pub(super) calls: Calls,
    /// Tells the ticker while it waits for these; only a plugin that may send some has one.
    pub(super) beat: Option<Beat>,
}

/// The capabilities everybody has.
const FREE: [&str; 9] = [
    import::HEAD,
    import::BODY,
    import::ATTRIBUTES,
    import::CONFIG,
    import::LOG,
    import::CLOCK,
    import::RANDOM,
    import::TIMER,
    import::METRICS,
];

/// How an import module stands to the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant<'a> {
    /// Everybody's.
    Free,
    /// The capability must be granted.
    Needed(&'a str),
    /// No part of the contract.
    Foreign,
}

/// What importing from `module` takes.
pub(super) fn grant(module: &str) -> Grant<'_> {
    if FREE.contains(&module) {
        return Grant::Free;
    }
    match module.strip_prefix(import::PREFIX) {
        Some(capability @ ("kv" | "http")) => Grant::Needed(capability),
        _ => Grant::Foreign,
    }
}

/// The table of all host calls.
pub(super) fn linker(engine: &wasmtime::Engine, clock: &Clock) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    head::link(&mut linker)?;
    body::link(&mut linker)?;
    attributes::link(&mut linker)?;
    config::link(&mut linker)?;
    log::link(&mut linker)?;
    clock::link(&mut linker, clock)?;
    metrics::link(&mut linker)?;
    kv::link(&mut linker)?;
    http::link(&mut linker)?;
    random::link(&mut linker)?;
    timer::link(&mut linker)?;
    Ok(linker)
}

/// A host call's result as the guest sees it.
fn result(outcome: Result<i32, Code>) -> i32 {
    outcome.unwrap_or_else(|code| code as i32)
}

impl From<FieldError> for Code {
    fn from(error: FieldError) -> Self {
        match error {
            FieldError::Invalid => Self::Invalid,
            FieldError::Forbidden => Self::Forbidden,
            FieldError::Limit => Self::Limit,
        }
    }
}

impl Guest {
    /// The state of an instance that is about to start.
    pub(super) fn new(plugin: Arc<Identity>, memory_limit: usize) -> Self {
        Self {
            plugin,
            hook: Hook::Init,
            exchange: Box::new(Exchange::vacant()),
            memory: None,
            memory_budget: MemoryBudget::of(memory_limit),
            time: TimeBudget::of(START_TIME),
            reason: None,
            names: FieldNames::default(),
            log_lines: LINES_PER_CALL,
            period: None,
            calls: Calls::default(),
            beat: None,
        }
    }

    /// For a module that is only asked who it is.
    pub(super) fn nameless() -> Self {
        Self::new(Arc::new(Identity::nameless()), Limits::default().memory)
    }

    /// Heads and attributes are an exchange's; in `init` and between exchanges there is none.
    fn in_exchange(&self) -> Result<(), Code> {
        if matches!(self.hook, Hook::Init | Hook::OnTick) { Err(Code::Forbidden) } else { Ok(()) }
    }

    /// Takes `bytes` from what guests may add to this exchange.
    fn spend(&mut self, bytes: usize) -> Result<(), Code> {
        self.exchange.allowance = self.exchange.allowance.checked_sub(bytes).ok_or(Code::Limit)?;
        Ok(())
    }
}
