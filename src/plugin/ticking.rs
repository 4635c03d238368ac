use std::sync::Arc;
use std::time::Duration;

use gatewright_abi::hook;

use super::engine::Engine;
use super::error::{CallError, Failure};
use super::instance::{Hook, Instance};
use super::plugin::Plugin;
use super::ticker::Beat;
use crate::exchange::{Exchange, Outlet, RequestId};

/// The background instance of a plugin that asked for periodic calls. It serves no exchange.
pub struct Ticking {
    plugin: Arc<Plugin>,
    beat: Beat,
    instance: Option<Box<Instance>>,
}

impl Ticking {
    /// Of a plugin that has a period. The instance is started by the first tick.
    #[must_use]
    pub fn new(engine: &Engine, plugin: Arc<Plugin>) -> Self {
        Self { plugin, beat: engine.ticker.beat(), instance: None }
    }

    /// From the beginning of one tick to the next.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.plugin.period()
    }

    /// Enters the plugin. What it sends goes through `outlet`.
    ///
    /// # Errors
    /// [`CallError`]; the next tick has a new instance.
    pub async fn tick(&mut self, outlet: Option<Outlet>) -> Result<(), CallError> {
        let mut exchange = Box::new(Exchange::vacant());
        exchange.id = RequestId::random();
        exchange.outlet = outlet;
        let outcome = self.enter(&mut exchange).await;
        outcome.map_err(|failure| self.plugin.blame(Hook::OnTick, failure))
    }

    async fn enter(&mut self, exchange: &mut Box<Exchange>) -> Result<(), Failure> {
        // Out of its place for the time of the call: it comes back only after one that ended well.
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => Box::new(Instance::start(&self.plugin, &self.beat).await?),
        };
        match instance.call(&self.plugin, &self.beat, Hook::OnTick, exchange).await? {
            hook::CONTINUE => {
                let keep = !instance.is_worn(self.plugin.limits());
                self.instance = keep.then_some(instance);
            }
            code => return Err(Failure::Contract(format!("returned {code}, which {} cannot", Hook::OnTick))),
        }
        Ok(())
    }
}

impl std::fmt::Debug for Ticking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticking").field("plugin", self.plugin.name()).finish_non_exhaustive()
    }
}
