use std::fmt;
use std::time::Duration;

use gatewright_abi::export;
use wasmtime::{PoolConcurrencyLimitError, Store, TypedFunc, UpdateDeadline};

use super::error::{DeadlinePassed, Failure, Outcome, describe};
use super::host::{Guest, LINES_PER_CALL};
use super::limits::{Limits, START_TIME};
use super::linked::Linked;
use super::manifest::Role;
use super::nursery::PLACES;
use super::plugin::Plugin;
use super::ticker::Beat;
use crate::exchange::Exchange;

/// A moment at which a guest is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Start and `init`.
    Init,
    /// The director.
    Direct,
    /// The middleware's request phase.
    OnRequest,
    /// The middleware's response phase.
    OnResponse,
    /// Modify-response.
    ModifyResponse,
    /// A piece of a body that one of the hooks above chose to stream.
    OnBody,
    /// A period has passed; no exchange is served.
    OnTick,
}

impl Hook {
    /// All of them.
    pub(super) const ALL: [Self; 7] = [
        Self::Init,
        Self::Direct,
        Self::OnRequest,
        Self::OnResponse,
        Self::ModifyResponse,
        Self::OnBody,
        Self::OnTick,
    ];

    /// Those that serve an exchange, in the order in which an exchange meets them.
    pub const SERVING: [Self; 4] = [Self::OnRequest, Self::Direct, Self::ModifyResponse, Self::OnResponse];

    /// The name of the function that a guest exports for it.
    pub(super) fn export(self) -> &'static str {
        match self {
            Self::Init => export::INIT,
            Self::Direct => export::DIRECT,
            Self::OnRequest => export::ON_REQUEST,
            Self::OnResponse => export::ON_RESPONSE,
            Self::ModifyResponse => export::MODIFY_RESPONSE,
            Self::OnBody => export::ON_BODY,
            Self::OnTick => export::ON_TICK,
        }
    }

    pub(super) fn is_request_phase(self) -> bool {
        matches!(self, Self::Direct | Self::OnRequest)
    }

    pub(super) fn is_response_phase(self) -> bool {
        matches!(self, Self::OnResponse | Self::ModifyResponse)
    }

    /// Whether an SDK exports it for plugins that do not write it.
    pub(super) fn may_be_unused(self) -> bool {
        matches!(self, Self::OnRequest | Self::OnResponse)
    }

    pub(super) fn bit(self) -> u8 {
        1 << self as u8
    }

    pub(super) fn role(self) -> Option<Role> {
        match self {
            Self::Init | Self::OnBody | Self::OnTick => None,
            Self::Direct => Some(Role::Director),
            Self::OnRequest | Self::OnResponse => Some(Role::Middleware),
            Self::ModifyResponse => Some(Role::ModifyResponse),
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Init => "init",
            Self::Direct => "direct",
            Self::OnRequest => "on_request",
            Self::OnResponse => "on_response",
            Self::ModifyResponse => "modify_response",
            Self::OnBody => "on_body",
            Self::OnTick => "on_tick",
        })
    }
}

/// The functions of an instance for its hooks. Each is looked up when it is first called: many instances only ever serve
/// one hook, and one that is fresh serves one call.
#[derive(Default)]
struct Hooks([Option<TypedFunc<(), i32>>; Hook::ALL.len()]);

/// One live store of a plugin. Serves one call at a time; after a failure it must not be used again.
pub(super) struct Instance {
    store: Store<Guest>,
    instance: wasmtime::Instance,
    hooks: Hooks,
    /// Calls that it has served.
    calls: u32,
    /// Bytes of its memory when it was new.
    first_memory: usize,
    /// Counted for as long as it lives.
    alive: super::plugin::Alive,
}

impl Instance {
    /// Instantiates the plugin's module and runs its `init`, unless what that leaves is known.
    pub(super) async fn start(plugin: &Plugin, beat: &Beat) -> Outcome<Self> {
        let alive = plugin.count_instance()?;
        let (store, instance) = match plugin.frozen() {
            Some(frozen) => thaw(plugin, frozen.linked(), beat).await?,
            None => boot(plugin, plugin.module().linked(), beat).await?,
        };
        let hooks = Hooks::default();
        let mut instance = Self { store, instance, hooks, calls: 0, first_memory: 0, alive };
        instance.first_memory = instance.weigh();
        Ok(instance)
    }

    /// Counts its memory as it is now, in bytes.
    pub(super) fn weigh(&mut self) -> usize {
        let memory = self.memory();
        self.alive.weigh(memory);
        memory
    }

    /// Whether another one should take its place: it has served its calls, or its memory has grown so far, to that many
    /// bytes, that one of the next calls might run into the limit.
    pub(super) fn is_worn(&self, limits: &Limits, memory: usize) -> bool {
        limits.fresh
            || (limits.calls > 0 && self.calls >= limits.calls)
            || (memory > self.first_memory && memory > limits.memory / 4 * 3)
    }

    /// How often its `init` asked to be called.
    pub(super) fn period(&self) -> Option<Duration> {
        self.store.data().period
    }

    /// The bytes of its linear memory now.
    pub(super) fn memory(&self) -> usize {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// Enters the guest. `exchange` is lent to it for the time of the call.
    pub(super) async fn call(
        &mut self,
        plugin: &Plugin,
        beat: &Beat,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Outcome<i32> {
        let Some(function) = self.hooks.get(plugin.linked(), &mut self.store, &self.instance, hook) else {
            return Ok(gatewright_abi::hook::CONTINUE);
        };
        self.calls = self.calls.saturating_add(1);
        let guest = self.store.data_mut();
        guest.hook = hook;
        guest.time = plugin.time();
        guest.log_lines = LINES_PER_CALL;
        // What was said or met in an earlier call explains nothing in this one.
        guest.reason = None;
        guest.memory_budget.exhausted = false;
        std::mem::swap(&mut guest.exchange, exchange);
        self.store.set_epoch_deadline(1);
        let running = beat.begin();
        let outcome = function.call_async(&mut self.store, ()).await;
        drop(running);
        let guest = self.store.data_mut();
        std::mem::swap(&mut guest.exchange, exchange);
        guest.calls.clear();
        match outcome {
            Ok(code) if code >= 0 => Ok(code),
            Ok(code) => Err(refusal(self.store.data_mut(), code)),
            Err(error) => Err(failure(&error, self.store.data(), plugin.limits().time)),
        }
    }
}

impl Hooks {
    fn get(
        &mut self,
        linked: &Linked,
        store: &mut Store<Guest>,
        instance: &wasmtime::Instance,
        hook: Hook,
    ) -> Option<&TypedFunc<(), i32>> {
        let place = self.0.get_mut(hook as usize)?;
        if place.is_none() {
            *place = linked.hook(store, instance, hook);
        }
        place.as_ref()
    }
}

/// Puts the store under its budgets: memory, and time from now on.
pub(super) fn bound(store: &mut Store<Guest>) {
    store.limiter(|guest| &mut guest.memory_budget);
    store.epoch_deadline_callback(|mut store| {
        if !store.data_mut().time.spend() {
            return Err(DeadlinePassed.into());
        }
        // tokio's own yield lets the worker look at its sockets first; a plain one would be polled again at once.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store.set_epoch_deadline(1);
}

/// Reactor modules (AssemblyScript's `--exportStart`) set up their globals here.
pub(super) async fn initialize(
    store: &mut Store<Guest>,
    instance: &wasmtime::Instance,
    linked: &Linked,
) -> wasmtime::Result<()> {
    store.data_mut().memory = linked.memory(store, instance);
    match instance.get_typed_func::<(), ()>(&mut *store, "_initialize") {
        Ok(initialize) => initialize.call_async(&mut *store, ()).await,
        Err(_) => Ok(()),
    }
}

fn open(plugin: &Plugin, linked: &Linked, beat: &Beat) -> Store<Guest> {
    let guest = Guest::new(plugin.identity(), plugin.limits().memory);
    let mut store = Store::new(linked.module().engine(), guest);
    bound(&mut store);
    store.data_mut().beat = plugin.calls_out().then(|| beat.clone());
    store
}

/// An instance whose `init` has run.
pub(super) async fn boot(
    plugin: &Plugin,
    linked: &Linked,
    beat: &Beat,
) -> Outcome<(Store<Guest>, wasmtime::Instance)> {
    let mut store = open(plugin, linked, beat);
    let _running = beat.begin();
    match enter(&mut store, linked).await {
        Ok((instance, code)) if code >= 0 => Ok((store, instance)),
        Ok((_, code)) => Err(refusal(store.data_mut(), code)),
        Err(error) => Err(failure(&error, store.data(), START_TIME)),
    }
}

async fn enter(store: &mut Store<Guest>, linked: &Linked) -> wasmtime::Result<(wasmtime::Instance, i32)> {
    let instance = linked.pre().instantiate_async(&mut *store).await?;
    initialize(store, &instance, linked).await?;
    let init = instance.get_typed_func::<(), i32>(&mut *store, export::INIT)?;
    let code = init.call_async(&mut *store, ()).await?;
    Ok((instance, code))
}

/// An instance as `init` left another one. Nothing of the guest runs.
async fn thaw(plugin: &Plugin, linked: &Linked, beat: &Beat) -> Outcome<(Store<Guest>, wasmtime::Instance)> {
    let mut store = open(plugin, linked, beat);
    match linked.pre().instantiate_async(&mut store).await {
        Ok(instance) => {
            store.data_mut().memory = linked.memory(&mut store, &instance);
            Ok((store, instance))
        }
        Err(error) if error.is::<PoolConcurrencyLimitError>() => {
            Err(Box::new(Failure::Instances { limit: PLACES as usize }))
        }
        Err(error) => Err(failure(&error, store.data(), START_TIME)),
    }
}

/// The guest returned a negative code.
#[cold]
fn refusal(guest: &mut Guest, code: i32) -> Box<Failure> {
    let reason = guest.reason.take().unwrap_or_else(|| format!("returned {code} and gave no reason"));
    Box::new(Failure::Refused { reason })
}

/// The guest trapped, or was stopped.
#[cold]
fn failure(error: &wasmtime::Error, guest: &Guest, budget: Duration) -> Box<Failure> {
    Box::new(cause(error, guest, budget))
}

fn cause(error: &wasmtime::Error, guest: &Guest, budget: Duration) -> Failure {
    if error.is::<DeadlinePassed>() {
        return Failure::Deadline { budget_ms: budget.as_millis() };
    }
    let trap = match &guest.reason {
        Some(reason) => format!("{} ({reason})", describe(error)),
        None => describe(error),
    };
    if guest.memory_budget.exhausted {
        return Failure::Memory { limit: guest.memory_budget.limit(), trap };
    }
    Failure::Trap { trap }
}
