//! What a worker counts of a plugin's calls.

use std::sync::Arc;
use std::time::Duration;

use super::error::Failure;
use super::instance::Hook;
use crate::metrics::{Counter, Family, Page, Source};

const CALLS: Family =
    Family::counter("gatewright_plugin_calls_total", "Calls of the plugin, those that failed included.");
const SECONDS: Family = Family::counter(
    "gatewright_plugin_call_seconds_total",
    "What they took in all, by the clock: waiting, and starting an instance, included.",
);
const FAILURES: Family = Family::counter("gatewright_plugin_failures_total", "Calls that failed, by why.");

/// One worker's counts of the plugin of one name.
#[derive(Debug)]
pub struct Tally {
    plugin: Arc<str>,
    hooks: [HookTally; Hook::ALL.len()],
}

#[derive(Debug, Default)]
struct HookTally {
    calls: Counter,
    nanos: Counter,
    failures: [Counter; Failure::KINDS.len()],
}

impl Tally {
    pub(super) fn new(plugin: Arc<str>) -> Self {
        Self { plugin, hooks: Default::default() }
    }

    /// A call of `hook` has ended.
    pub(super) fn called(&self, hook: Hook, time: Duration, failure: Option<&Failure>) {
        let Some(tally) = self.hooks.get(hook as usize) else { return };
        tally.calls.add(1);
        tally.nanos.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        if let Some(failure) = failure {
            tally.failed(failure);
        }
    }

    /// A call of `hook` that had ended well was a failure after all.
    pub(super) fn failed(&self, hook: Hook, failure: &Failure) {
        if let Some(tally) = self.hooks.get(hook as usize) {
            tally.failed(failure);
        }
    }
}

impl HookTally {
    #[cold]
    fn failed(&self, failure: &Failure) {
        let place = Failure::KINDS.iter().position(|kind| *kind == failure.kind());
        if let Some(failures) = place.and_then(|place| self.failures.get(place)) {
            failures.add(1);
        }
    }
}

impl Source for Tally {
    fn report(&self, page: &mut Page) {
        let plugin = ("plugin", &*self.plugin);
        for (hook, tally) in Hook::ALL.into_iter().zip(&self.hooks).filter(|(_, tally)| tally.calls.get() > 0)
        {
            let name = hook.to_string();
            let labels = [plugin, ("hook", name.as_str())];
            page.add(&CALLS, &labels, tally.calls.get() as f64);
            page.add(&SECONDS, &labels, tally.nanos.get() as f64 / 1e9);
            for (kind, failures) in Failure::KINDS.into_iter().zip(&tally.failures) {
                let [plugin, hook] = labels;
                page.add(&FAILURES, &[plugin, hook, ("kind", kind)], failures.get() as f64);
            }
        }
    }
}
