use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::engine::Engine;
use super::error::LoadError;
use super::host::{Grant, grant};
use super::instance::Instance;
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
        let identity =
            Identity { name: Arc::from(name), config: config.to_string(), store: grants.store.clone() };
        let identity = Arc::new(identity);
        let plugin = Self { identity, module, limits, grants, config: config.clone(), alive: Arc::default() };
        match Instance::start(&plugin, &engine.ticker.beat()).await {
            Ok(_) => Ok(plugin),
            Err(failure) => Err(vec![LoadError::Start(failure)]),
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

impl Grants {
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
            Grant::Needed(capability) | Grant::Reserved(capability) if !is_granted(capability, grants) => {
                Some(LoadError::NotGranted { import, capability: capability.to_owned() })
            }
            Grant::Reserved(capability) => {
                Some(LoadError::NotOffered { import, capability: capability.to_owned() })
            }
            Grant::Free | Grant::Needed(_) | Grant::Foreign => None,
        }
    });
    refused.collect()
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
