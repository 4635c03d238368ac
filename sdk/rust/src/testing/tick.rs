use std::time::SystemTime;

use super::{Kv, Outcome, Reply, Sent, request};
use crate::host::stub::{self, Phase};
use crate::testing::TestRequest;
use crate::{Guest, Result, tick};

/// A tick, to have a plugin do what it does from time to time.
pub fn tick() -> TestTick {
    TestTick(request("GET", "/"))
}

/// A tick before it happens: see [`tick`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TestTick(TestRequest);

impl TestTick {
    /// The time of day when it comes.
    pub fn at(self, time: SystemTime) -> Self {
        Self(self.0.at(time))
    }

    /// The key-value store; without it each tick has an empty one of its own.
    pub fn kv(self, kv: &Kv) -> Self {
        Self(self.0.kv(kv))
    }

    /// Makes up an upstream: see [`TestRequest::upstream`].
    pub fn upstream(self, name: &str, reply: impl Fn(&Sent) -> Reply + 'static) -> Self {
        Self(self.0.upstream(name, reply))
    }

    /// Calls the plugin. An error is that of its tick, or of its period.
    pub fn run<G: Guest>(self, plugin: &G) -> Result<Outcome> {
        if !G::TICKS {
            return Err("the plugin has no `Tick`".into());
        }
        tick::every(plugin.period())?;
        self.0.run_as(|| {
            stub::change(|exchange| exchange.phase = Phase::Tick);
            plugin.on_tick()
        })
    }
}
