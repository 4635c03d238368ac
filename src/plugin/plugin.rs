use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::engine::Engine;
use super::error::LoadError;
use super::host::{Grant, grant};
use super::instance::{Hook, Instance};
use super::limits::Limits;
use super::module::Module;
use crate::kv::Store;

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
    grants: Grants,
    config: serde_json::Value,
    period: Option<Duration>,
    alive: Arc<AtomicUsize>,
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
}

/// Counts one living instance.
pub(super) struct Alive(Arc<AtomicUsize>);

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
        let identity = Identity {
            name: Arc::from(name),
            config: config.to_string(),
            store: grants.store.clone(),
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
            alive: Arc::default(),
        };
        let started = Instance::start(&plugin, &engine.ticker.beat()).await;
        plugin.period = started.map_err(|failure| vec![LoadError::Start(failure)])?.period();
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
        self.alive.load(Ordering::Relaxed)
    }

    /// Whether a plugin loaded with these would be the same, so that this one and its instances can stay.
    #[must_use]
    pub fn is(&self, module: &Module, config: &serde_json::Value, limits: &Limits, grants: &Grants) -> bool {
        self.module.digest() == module.digest()
            && self.limits == *limits
            && self.grants.same(grants)
            && self.config == *config
    }

    pub(super) fn identity(&self) -> Arc<Identity> {
        Arc::clone(&self.identity)
    }

    pub(super) fn count_instance(&self) -> Alive {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Alive(Arc::clone(&self.alive))
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
        }
    }
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

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
