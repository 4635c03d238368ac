//! What the gateway as a whole tells, beside what its workers count.

use std::collections::BTreeMap;

use super::status::{SourceStatus, Status};
use crate::config::Config;
use crate::metrics::{Family, Page};
use crate::snapshot::Snapshot;

const BUILD: Family = Family::gauge("gatewright_build_info", "Always 1; the label is the program's version.");
const GENERATION: Family =
    Family::gauge("gatewright_generation", "The configuration in service, counted from 1.");
const SNAPSHOTS: Family = Family::gauge(
    "gatewright_snapshots",
    "Configurations that live: 1, and one for each older one that still has an open exchange.",
);
const WORKERS: Family = Family::gauge("gatewright_workers", "Worker threads.");
const RELOADS: Family = Family::counter("gatewright_reloads_total", "Reloads, by what came of them.");
const USABLE: Family =
    Family::gauge("gatewright_upstream_endpoint_usable", "Whether requests may go to the endpoint: 1 or 0.");
const INSTANCES: Family = Family::gauge("gatewright_plugin_instances", "Instances of the plugin that live.");
const MEMORY: Family =
    Family::gauge("gatewright_plugin_memory_bytes", "Linear memory of these, as of the last call of each.");
const TRIPPED: Family = Family::gauge(
    "gatewright_plugin_tripped",
    "Whether the plugin is left alone, since it has failed too often in a row: 1 or 0.",
);
const KV_BYTES: Family = Family::gauge("gatewright_kv_bytes", "What the entries of the namespace take.");
const KV_ENTRIES: Family = Family::gauge(
    "gatewright_kv_entries",
    "Entries of the namespace, ended ones included that nobody missed.",
);

/// How many reloads ended how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reloads {
    /// A new configuration came into service.
    pub done: u64,
    /// The old one stayed.
    pub refused: u64,
}

/// Adds what `status` and the snapshot in service know to the page.
pub fn report(status: &Status, reloads: Reloads, config: &Config, snapshot: &Snapshot, page: &mut Page) {
    page.add(&BUILD, &[("version", status.version)], 1.0);
    page.add(&GENERATION, &[], status.generation as f64);
    page.add(&SNAPSHOTS, &[], status.snapshots as f64);
    page.add(&WORKERS, &[], status.workers as f64);
    page.add(&RELOADS, &[("outcome", "done")], reloads.done as f64);
    page.add(&RELOADS, &[("outcome", "refused")], reloads.refused as f64);
    for upstream in &status.upstreams {
        let SourceStatus::Endpoints { endpoints, .. } = &upstream.source else { continue };
        for endpoint in endpoints {
            let labels = [("upstream", upstream.name.as_str()), ("endpoint", endpoint.url.as_str())];
            page.add(&USABLE, &labels, f64::from(u8::from(endpoint.usable)));
        }
    }
    for plugin in &snapshot.plugins {
        let labels = [("plugin", &**plugin.name())];
        page.add(&INSTANCES, &labels, plugin.instances() as f64);
        page.add(&MEMORY, &labels, plugin.memory() as f64);
        page.add(&TRIPPED, &labels, f64::from(u8::from(plugin.is_tripped())));
    }
    stores(config, snapshot, page);
}

fn stores(config: &Config, snapshot: &Snapshot, page: &mut Page) {
    let named = config.plugins.iter().filter_map(|config| {
        let plugin = snapshot.plugins.iter().find(|plugin| **plugin.name() == *config.name.value)?;
        Some((config.namespace(), plugin.store()?))
    });
    // Plugins of one namespace have one store.
    for (namespace, store) in named.collect::<BTreeMap<_, _>>() {
        let Some(usage) = store.usage() else { continue };
        page.add(&KV_BYTES, &[("namespace", namespace)], usage.bytes as f64);
        page.add(&KV_ENTRIES, &[("namespace", namespace)], usage.entries as f64);
    }
}
