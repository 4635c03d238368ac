use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use gatewright_abi::hook;

use super::body::BodyMode;
use super::engine::Engine;
use super::error::{CallError, Failure, Outcome, failure_of};
use super::instance::{Hook, Instance};
use super::plugin::Plugin;
use super::streaming::Streaming;
use super::tally::Tally;
use super::ticker::Beat;
use super::trip::Pass;
use crate::exchange::Exchange;

/// Idle instances kept for the next calls. Calls hold an instance only while the guest runs, so a worker needs more than
/// a few only while guests are suspended.
const MAX_IDLE: usize = 32;

/// How a call ended.
pub(super) enum Called {
    /// The hook returned this.
    Ended(i32),
    /// The guest waits for the body.
    Streams(Box<Streaming>),
}

/// A worker's instances of one plugin. Not shared with other workers: taking one is a `pop`.
pub struct Pool {
    plugin: Arc<Plugin>,
    tally: Arc<Tally>,
    beat: Beat,
    #[expect(
        clippy::vec_box,
        reason = "each call takes one and gives it back: that moves a pointer, not a store"
    )]
    idle: RefCell<Vec<Box<Instance>>>,
    /// A bit for each hook that has said that it never does anything.
    unused: Cell<u8>,
}

impl Pool {
    /// An empty pool: instances are started as they are needed.
    #[must_use]
    pub fn new(engine: &Engine, plugin: Arc<Plugin>) -> Self {
        let tally = Arc::new(Tally::new(Arc::clone(plugin.name())));
        let (beat, idle) = (engine.ticker.beat(), RefCell::default());
        Self { plugin, tally, beat, idle, unused: Cell::default() }
    }

    /// The same, going on with the counts of the plugin that had its name before.
    #[must_use]
    pub fn after(old: &Self, engine: &Engine, plugin: Arc<Plugin>) -> Self {
        Self { tally: Arc::clone(&old.tally), ..Self::new(engine, plugin) }
    }

    /// What is counted of its calls.
    #[must_use]
    pub fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    pub(super) fn beat(&self) -> &Beat {
        &self.beat
    }

    /// The plugin whose instances these are.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// Whether there is any use in calling `hook`, as far as is known.
    pub(crate) fn uses(&self, hook: Hook) -> bool {
        self.unused.get() & hook.bit() == 0
    }

    /// Starts one more instance, for a call to come.
    ///
    /// # Errors
    /// [`CallError`] where it does not start.
    pub async fn warm(&self) -> Result<(), CallError> {
        match self.start().await {
            Ok(instance) => {
                self.keep(instance);
                Ok(())
            }
            Err(failure) => Err(self.plugin.blame(Hook::Init, failure)),
        }
    }

    /// Bytes of linear memory of its idle instances together.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.idle.borrow().iter().map(|instance| instance.memory()).sum()
    }

    /// Enters the plugin and returns what the hook returned.
    ///
    /// All of a call's way is in this one function: each further one that can wait is a state to make, to look at and to
    /// take apart, on a way that is hardly ever waited on.
    pub(super) async fn call(
        self: &Rc<Self>,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Result<Called, CallError> {
        let begun = Instant::now();
        let outcome = match self.plugin.pass() {
            Ok(pass) => {
                let idle = self.idle.borrow_mut().pop();
                let instance = match idle {
                    Some(instance) => Ok(instance),
                    None => self.start().await,
                };
                let outcome = match instance {
                    Ok(mut instance) => {
                        let code = instance.call(&self.plugin, &self.beat, hook, exchange).await;
                        self.leave(hook, instance, code, exchange)
                    }
                    Err(failure) => Err(failure),
                };
                self.plugin.settle(pass, failure_of(&outcome));
                outcome
            }
            Err(failure) => Err(failure),
        };
        self.tally.called(hook, begun.elapsed(), failure_of(&outcome));
        outcome.map_err(|failure| self.plugin.blame(hook, failure))
    }

    /// An instance goes where its call's end sends it.
    fn leave(
        self: &Rc<Self>,
        hook: Hook,
        instance: Box<Instance>,
        code: Outcome<i32>,
        exchange: &Exchange,
    ) -> Outcome<Called> {
        match code? {
            hook::STREAM => self.hold(hook, instance, exchange),
            hook::UNUSED if hook.may_be_unused() => {
                self.unused.set(self.unused.get() | hook.bit());
                self.give_back(instance, hook::CONTINUE);
                Ok(Called::Ended(hook::CONTINUE))
            }
            code => {
                self.give_back(instance, code);
                Ok(Called::Ended(code))
            }
        }
    }

    /// The guest chose to have the body piece by piece: its instance stays with the exchange.
    fn hold(self: &Rc<Self>, hook: Hook, instance: Box<Instance>, exchange: &Exchange) -> Outcome<Called> {
        if self.plugin.module().body_use(hook).mode != BodyMode::Stream {
            let message = format!("wants to stream a body, which its manifest does not say of {hook}");
            return Err(Box::new(Failure::Contract(message)));
        }
        let shadow = Box::new(exchange.shadow());
        Ok(Called::Streams(Box::new(Streaming::new(Rc::clone(self), instance, shadow, hook.side()))))
    }

    /// Enters an instance that stays with its exchange.
    pub(super) async fn enter_held(
        &self,
        instance: &mut Instance,
        hook: Hook,
        exchange: &mut Box<Exchange>,
    ) -> Outcome<i32> {
        let begun = Instant::now();
        let outcome = instance.call(&self.plugin, &self.beat, hook, exchange).await;
        self.tally.called(hook, begun.elapsed(), failure_of(&outcome));
        self.plugin.settle(Pass::Usual, failure_of(&outcome));
        outcome
    }

    /// An instance has served the body that it stayed for.
    pub(super) fn end_held(&self, instance: Box<Instance>) {
        self.give_back(instance, hook::CONTINUE);
    }

    /// A new instance, for whom it is to serve.
    pub(super) async fn start(&self) -> Outcome<Box<Instance>> {
        Ok(Box::new(Instance::start(&self.plugin, &self.beat).await?))
    }

    /// An instance comes back to the pool only after a call that ended well: a failed one is thrown away, and so is one
    /// whose caller went away in the middle. A guest that answers what nobody can is not asked again.
    fn give_back(&self, mut instance: Box<Instance>, code: i32) {
        let memory = instance.weigh();
        if matches!(code, hook::CONTINUE | hook::ANSWERED)
            && !instance.is_worn(self.plugin.limits(), memory)
            && !self.plugin.wants_room()
        {
            self.keep(instance);
        }
    }

    /// To be called now and then: gives idle instances up where other workers find none, and says in the log what was
    /// left out of it.
    pub fn tidy(&self) {
        let mut idle = self.idle.borrow_mut();
        // Who has none to give up must not take the wish for one away from who has.
        if !idle.is_empty() && self.plugin.wants_room() {
            idle.clear();
        }
        self.plugin.tidy();
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
