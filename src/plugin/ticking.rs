use std::rc::Rc;
use std::time::{Duration, Instant};

use gatewright_abi::hook;

use super::error::{CallError, Failure, Outcome, failure_of};
use super::instance::{Hook, Instance};
use super::pool::Pool;
use crate::exchange::{Exchange, Outlet, RequestId};

/// The background instance of a plugin that asked for periodic calls. It serves no exchange.
pub struct Ticking {
    pool: Rc<Pool>,
    /// Apart from those of the pool: what it gathers between two ticks is its own.
    instance: Option<Box<Instance>>,
}

impl Ticking {
    /// Of a plugin that has a period. The instance is started by the first tick.
    #[must_use]
    pub fn new(pool: Rc<Pool>) -> Self {
        Self { pool, instance: None }
    }

    /// From the beginning of one tick to the next.
    #[must_use]
    pub fn period(&self) -> Option<Duration> {
        self.pool.plugin().period()
    }

    /// Enters the plugin. What it sends goes through `outlet`.
    ///
    /// # Errors
    /// [`CallError`]; the next tick has a new instance.
    pub async fn tick(&mut self, outlet: Option<Outlet>) -> Result<(), CallError> {
        let mut exchange = Box::new(Exchange::vacant());
        exchange.id = RequestId::random();
        exchange.outlet = outlet;
        let begun = Instant::now();
        let outcome = self.enter(&mut exchange).await;
        self.pool.tally().called(Hook::OnTick, begun.elapsed(), failure_of(&outcome));
        outcome.map_err(|failure| self.pool.plugin().blame(Hook::OnTick, failure))
    }

    async fn enter(&mut self, exchange: &mut Box<Exchange>) -> Outcome<()> {
        let plugin = self.pool.plugin();
        // Out of its place for the time of the call: it comes back only after one that ended well.
        let mut instance = match self.instance.take() {
            Some(instance) => instance,
            None => self.pool.start().await?,
        };
        match instance.call(plugin, self.pool.beat(), Hook::OnTick, exchange).await? {
            hook::CONTINUE => {
                let keep = !instance.is_worn(plugin.limits(), instance.memory());
                self.instance = keep.then_some(instance);
            }
            code => {
                let message = format!("returned {code}, which {} cannot", Hook::OnTick);
                return Err(Box::new(Failure::Contract(message)));
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Ticking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticking").field("plugin", self.pool.plugin().name()).finish_non_exhaustive()
    }
}
