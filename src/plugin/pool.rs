use std::cell::RefCell;
use std::sync::Arc;

use gatewright_abi::hook;

use super::engine::Engine;
use super::error::{CallError, Failure};
use super::instance::{Hook, Instance};
use super::plugin::Plugin;
use super::ticker::Beat;
use crate::exchange::Exchange;

/// Idle instances kept for the next calls. Calls hold an instance only while the guest runs, so a worker needs more than
/// a few only while guests are suspended.
const MAX_IDLE: usize = 32;

/// A worker's instances of one plugin. Not shared with other workers: taking one is a `pop`.
pub struct Pool {
    plugin: Arc<Plugin>,
    beat: Beat,
    #[expect(
        clippy::vec_box,
        reason = "each call takes one and gives it back: that moves a pointer, not a store"
    )]
    idle: RefCell<Vec<Box<Instance>>>,
}

impl Pool {
    /// An empty pool: instances are started as they are needed.
    #[must_use]
    pub fn new(engine: &Engine, plugin: Arc<Plugin>) -> Self {
        Self { plugin, beat: engine.ticker.beat(), idle: RefCell::new(Vec::new()) }
    }

    /// The plugin whose instances these are.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Starts one more instance, for a call to come.
    ///
    /// # Errors
    /// [`CallError`] where it does not start.
    pub async fn warm(&self) -> Result<(), CallError> {
        match Instance::start(&self.plugin, &self.beat).await {
            Ok(instance) => {
                self.keep(Box::new(instance));
                Ok(())
            }
            Err(failure) => {
                Err(CallError { plugin: Arc::clone(self.plugin.name()), hook: Hook::Init, failure })
            }
        }
    }

    /// Bytes of linear memory of its idle instances together.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.idle.borrow().iter().map(|instance| instance.memory()).sum()
    }

    /// Enters the plugin and returns what the hook returned.
    pub(super) async fn call(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<i32, CallError> {
        let outcome = self.enter(hook, exchange).await;
        outcome.map_err(|failure| CallError { plugin: Arc::clone(self.plugin.name()), hook, failure })
    }

    async fn enter(&self, hook: Hook, exchange: &mut Box<Exchange>) -> Result<i32, Failure> {
        let mut instance = self.take().await?;
        let outcome = instance.call(&self.plugin, &self.beat, hook, exchange).await;
        self.give_back(instance, &outcome);
        outcome
    }

    /// An idle instance, or a new one.
    async fn take(&self) -> Result<Box<Instance>, Failure> {
        let idle = self.idle.borrow_mut().pop();
        match idle {
            Some(instance) => Ok(instance),
            None => Ok(Box::new(Instance::start(&self.plugin, &self.beat).await?)),
        }
    }

    /// An instance comes back to the pool only after a call that ended well: a failed one is thrown away, and so is one
    /// whose caller went away in the middle. A guest that answers what nobody can is not asked again.
    fn give_back(&self, instance: Box<Instance>, outcome: &Result<i32, Failure>) {
        if let Ok(hook::CONTINUE | hook::ANSWERED) = outcome {
            self.keep(instance);
        }
    }

    fn keep(&self, instance: Box<Instance>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MAX_IDLE {
            idle.push(instance);
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("plugin", self.plugin.name()).finish_non_exhaustive()
    }
}
