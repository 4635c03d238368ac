use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tracing::{info, warn};

use super::engine::Engine;
use super::error::{CallError, Failure, LoadError, Outcome};
use super::frozen::Frozen;
use super::host::{Grant, grant};
use super::instance::{Hook, Instance};
use super::limits::{Limits, TimeBudget};
use super::linked::Linked;
use super::module::Module;
use super::rate::{Rate, uptime};
use super::series::Series;
use super::trip::{Pass, Trip};
use crate::kv::Store;

/// Lines that a plugin's guests may write for each second, and at once: far more than anybody reads, far fewer than fill
/// a disk overnight.
const LINES: (u32, u32) = (100, 1000);

/// The same for what the gateway says of its failures.
const FAILURE_LINES: (u32, u32) = (20, 100);

/// What happens to an exchange when a plugin fails it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The exchange ends with an error.
    Fail,
    /// The exchange goes on as if the plugin were not there.
    Skip,
}

/// A configured use of a module, proven to start.
#[derive(Debug)]
pub struct Plugin {
    identity: Arc<Identity>,
    module: Arc<Module>,
    limits: Limits,
    /// The one of its limits that is counted in ticks.
    time: TimeBudget,
    grants: Grants,
    config: serde_json::Value,
    period: Option<Duration>,
    /// What its `init` left, where each call has an instance of its own.
    frozen: Option<Frozen>,
    alive: Arc<Census>,
    /// A call has found no instance since one was last given up for it.
    crowded: AtomicBool,
    trip: Trip,
    failure_lines: Rate,
}

/// What a plugin has beyond what is everybody's.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// The names of capabilities: `kv`, `http:UPSTREAM`.
    pub names: Vec<String>,
    /// Where its key-value entries are, if `kv` is among the names.
    pub store: Option<Arc<dyn Store>>,
}

/// What a guest may know of itself.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) name: Arc<str>,
    pub(super) config: String,
    /// Where its key-value entries are, if it may have any.
    pub(super) store: Option<Arc<dyn Store>>,
    /// The names of the upstreams that it may send requests of its own to.
    pub(super) upstreams: Vec<Arc<str>>,
    pub(super) limits: Limits,
    /// How many lines of the log its guests may write.
    pub(super) lines: Rate,
    /// Its metrics.
    pub(super) series: Arc<Series>,
}

/// The living instances of a plugin, in all workers.
#[derive(Debug, Default)]
struct Census {
    instances: AtomicUsize,
    /// Bytes of linear memory, as of the last call of each.
    memory: AtomicUsize,
}

/// Counts one living instance, and its memory.
pub(super) struct Alive {
    census: Arc<Census>,
    memory: usize,
}

impl Plugin {
    /// Checks the grants and the configuration, and starts one instance to see that it does.
    ///
    /// # Errors
    /// All that is wrong with it: see [`LoadError`].
    pub async fn load(
        engine: &Engine,
        name: &str,
        module: Arc<Module>,
        config: &serde_json::Value,
        limits: Limits,
        grants: Grants,
    ) -> Result<Self, Vec<LoadError>> {
        let mut problems = ungranted(&module, &grants.names);
        problems.extend(misfits(&module, config));
        if !problems.is_empty() {
            return Err(problems);
        }
        let name = Arc::from(name);
        let identity = Identity {
            series: engine.series().open(&name),
            name,
            config: config.to_string(),
            store: grants.store.clone(),
            lines: Rate::new(LINES.0, LINES.1),
            upstreams: grants.upstreams(),
            limits,
        };
        let mut plugin = Self {
            identity: Arc::new(identity),
            module,
            limits,
            grants,
            config: config.clone(),
            period: None,
            frozen: None,
            alive: Arc::default(),
            crowded: AtomicBool::new(false),
            trip: Trip::new(limits.failures),
            time: TimeBudget::of(limits.time),
            failure_lines: Rate::new(FAILURE_LINES.0, FAILURE_LINES.1),
        };
        let beat = engine.ticker.beat();
        if limits.fresh {
            let frozen = Frozen::freeze(engine, &plugin, &beat).await.map_err(|error| vec![error])?;
            plugin.frozen = Some(frozen);
        }
        let started = Instance::start(&plugin, &beat).await;
        let started = started.map_err(|failure| vec![LoadError::Start(failure)])?;
        plugin.period = plugin.frozen.as_ref().map_or(started.period(), Frozen::period);
        match plugin.period {
            Some(period) if !plugin.module.has_hook(Hook::OnTick) => Err(vec![LoadError::NoTick { period }]),
            _ => Ok(plugin),
        }
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.identity.name
    }

    /// Its module.
    #[must_use]
    pub fn module(&self) -> &Arc<Module> {
        &self.module
    }

    /// What an instance of it may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The running time of a call that begins.
    pub(super) fn time(&self) -> TimeBudget {
        self.time
    }

    /// Where its key-value entries are, if it may have any.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.grants.store.as_ref()
    }

    /// How often it wants to be called, if it does: what its `init` asked for when it was loaded.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.period
    }

    /// Whether it may send requests of its own.
    #[must_use]
    pub fn calls_out(&self) -> bool {
        !self.identity.upstreams.is_empty()
    }

    /// How many instances of it live, in all workers.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.alive.instances.load(Ordering::Relaxed)
    }

    /// Bytes of linear memory of these.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.alive.memory.load(Ordering::Relaxed)
    }

    /// Whether it is left alone, since it has failed too often in a row.
    #[must_use]
    pub fn is_tripped(&self) -> bool {
        self.trip.is_tripped()
    }

    /// Whether a plugin loaded with these would be the same, so that this one and its instances can stay.
    #[must_use]
    pub fn is(&self, module: &Module, config: &serde_json::Value, limits: &Limits, grants: &Grants) -> bool {
        self.module.digest() == module.digest()
            && self.limits == *limits
            && self.grants.same(grants)
            && self.config == *config
    }

    /// What its instances are made of.
    pub(super) fn linked(&self) -> &Linked {
        self.frozen.as_ref().map_or_else(|| self.module.linked(), Frozen::linked)
    }

    pub(super) fn frozen(&self) -> Option<&Frozen> {
        self.frozen.as_ref()
    }

    pub(super) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity)
    }

    /// Counts one more instance, if there may be one more.
    pub(super) fn count_instance(&self) -> Outcome<Alive> {
        let limit = self.limits.instances;
        let more = |alive: usize| (alive < limit).then_some(alive + 1);
        if self.alive.instances.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok() {
            return Ok(Alive { census: Arc::clone(&self.alive), memory: 0 });
        }
        self.crowded.store(true, Ordering::Relaxed);
        Err(Box::new(Failure::Instances { limit }))
    }

    /// Whether an idle instance should be given up, since a call, perhaps in another worker, has found none.
    pub(super) fn wants_room(&self) -> bool {
        self.crowded.load(Ordering::Relaxed) && self.crowded.swap(false, Ordering::Relaxed)
    }

    /// Leave to enter it.
    pub(super) fn pass(&self) -> Outcome<Pass> {
        self.trip.pass(now_ms).ok_or_else(|| Box::new(Failure::Tripped))
    }

    /// How a call that had leave ended. What a guest refuses on purpose is no failure of the guest.
    pub(super) fn settle(&self, pass: Pass, failure: Option<&Failure>) {
        let plugin = &*self.identity.name;
        match failure {
            None | Some(Failure::Refused { .. } | Failure::Contract(_)) => {
                if self.trip.succeeded(pass) {
                    info!(plugin, "works again");
                }
            }
            Some(failure @ (Failure::Trap { .. } | Failure::Deadline { .. } | Failure::Memory { .. })) => {
                if self.trip.failed(pass, now_ms) {
                    let failures = self.limits.failures;
                    warn!(
                        plugin,
                        failures,
                        kind = failure.kind(),
                        "tripped: left alone for a while, then tried again"
                    );
                }
            }
            Some(Failure::Instances { .. } | Failure::Tripped) => {}
        }
    }

    /// The failure as an error of a hook.
    pub(super) fn blame(&self, hook: Hook, failure: Box<Failure>) -> CallError {
        let plugin = Arc::clone(&self.identity.name);
        // Of one that is tripped the log has heard.
        let admitted = match *failure {
            Failure::Tripped => None,
            _ => self.failure_lines.admit(),
        };
        self.say_left_out("of its failures", admitted.unwrap_or(0));
        CallError { plugin, hook, failure, quiet: admitted.is_none() }
    }

    /// Says how many lines were left out, where nobody has said so yet.
    pub(super) fn tidy(&self) {
        self.say_left_out("of its failures", self.failure_lines.left_out());
        self.say_left_out("of its own", self.identity.lines.left_out());
    }

    fn say_left_out(&self, whose: &str, lines: u64) {
        self.identity.say_left_out(whose, lines);
    }
}

impl Identity {
    /// That of a module which is only asked who it is.
    pub(super) fn nameless() -> Self {
        Self {
            name: Arc::from(""),
            config: "{}".into(),
            store: None,
            upstreams: Vec::new(),
            limits: Limits::default(),
            lines: Rate::new(LINES.0, LINES.1),
            series: Series::nameless(),
        }
    }

    pub(super) fn say_left_out(&self, whose: &str, lines: u64) {
        if lines > 0 {
            warn!(plugin = &*self.name, lines, "lines {whose} were left out");
        }
    }
}

fn now_ms() -> u64 {
    u64::try_from(uptime().as_millis()).unwrap_or(u64::MAX)
}

impl Grants {
    /// The upstreams among the names.
    fn upstreams(&self) -> Vec<Arc<str>> {
        self.names.iter().filter_map(|name| name.strip_prefix("http:")).map(Arc::from).collect()
    }

    /// Whether they are the same, down to the store itself.
    fn same(&self, other: &Self) -> bool {
        let same_store = match (&self.store, &other.store) {
            (Some(store), Some(other)) => Arc::ptr_eq(store, other),
            (store, other) => store.is_none() && other.is_none(),
        };
        self.names == other.names && same_store
    }
}

impl Alive {
    /// Its memory has `bytes` now.
    pub(super) fn weigh(&mut self, bytes: usize) {
        if bytes != self.memory {
            // Wraps around where it has shrunk, and the sum is right again.
            self.census.memory.fetch_add(bytes.wrapping_sub(self.memory), Ordering::Relaxed);
            self.memory = bytes;
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.weigh(0);
        self.census.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What it asks for beyond what is everybody's.
fn ungranted(module: &Module, grants: &[String]) -> Vec<LoadError> {
    let refused = module.imports().filter_map(|(from, name)| {
        let import = format!("{from}.{name}");
        match grant(from) {
            Grant::Needed(capability) if !is_granted(capability, grants) => {
                Some(LoadError::NotGranted { import, capability: wanted(capability) })
            }
            Grant::Free | Grant::Needed(_) | Grant::Foreign => None,
        }
    });
    refused.collect()
}

/// How a grant of the capability is written.
fn wanted(capability: &str) -> String {
    match capability {
        "http" => "http:UPSTREAM".to_owned(),
        name => name.to_owned(),
    }
}

/// `http:auth` grants outbound calls to the upstream `auth`, and so the capability `http`.
fn is_granted(capability: &str, grants: &[String]) -> bool {
    grants.iter().any(|grant| grant.split(':').next() == Some(capability))
}

fn misfits(module: &Module, config: &serde_json::Value) -> Vec<LoadError> {
    let Some(schema) = &module.manifest().config else { return Vec::new() };
    match jsonschema::validator_for(schema) {
        Ok(validator) => validator
            .iter_errors(config)
            .map(|error| LoadError::Config { at: error.instance_path().to_string(), why: error.to_string() })
            .collect(),
        Err(error) => vec![LoadError::Schema(error.to_string())],
    }
}
