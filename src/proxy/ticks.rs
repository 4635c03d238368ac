use std::rc::Rc;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use super::Proxy;
use crate::exchange::Outlet;
use crate::plugin::{Pool, Ticking};

/// The plugins that asked for periodic calls, each with the task that makes them. One worker of a gateway has these.
pub struct Ticks {
    proxy: Rc<Proxy>,
    running: Vec<Running>,
}

/// Dropped, it makes no more calls; one that is under way is given up.
struct Running {
    pool: Rc<Pool>,
    task: JoinHandle<()>,
}

impl Ticks {
    /// Makes no calls yet.
    #[must_use]
    pub fn new(proxy: Rc<Proxy>) -> Self {
        Self { proxy, running: Vec::new() }
    }

    /// Calls the plugins of the newest snapshot from now on. Those that were called before go on as if nothing had
    /// happened.
    pub fn follow(&mut self) {
        let view = self.proxy.view();
        // A view keeps the pool of a plugin that stayed as it was.
        self.running.retain(|running| view.plugins.iter().any(|pool| Rc::ptr_eq(pool, &running.pool)));
        for pool in view.plugins.iter().filter(|pool| pool.plugin().period().is_some()) {
            if !self.running.iter().any(|running| Rc::ptr_eq(pool, &running.pool)) {
                let task = spawn_local(run(Rc::clone(&self.proxy), Ticking::new(Rc::clone(pool))));
                self.running.push(Running { pool: Rc::clone(pool), task });
            }
        }
    }
}

async fn run(proxy: Rc<Proxy>, mut ticking: Ticking) {
    let Some(period) = ticking.period() else { return };
    let mut times = interval(period);
    // A call that takes longer than the period is not followed by those that it missed.
    times.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        times.tick().await;
        // The newest one, and only for the time of the call: an old snapshot must not live on here.
        let outlet = Outlet::new(proxy.view());
        if let Err(failed) = ticking.tick(Some(outlet)).await {
            error!(kind = failed.failure.kind(), "{failed}");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for Ticks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticks").field("running", &self.running.len()).finish_non_exhaustive()
    }
}
