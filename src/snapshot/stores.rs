use std::sync::Arc;

use crate::config::{Config, KvConfig, PluginConfig};
use crate::kv::{Namespaces, Store};

/// Where the key-value entries of a plugin are, if it may have any. One that is in use is the same as before.
pub(super) fn open(
    config: &Config,
    plugin: &PluginConfig,
    namespaces: &mut Namespaces,
) -> Option<Arc<dyn Store>> {
    let name = plugin.namespace();
    plugin.has_kv().then(|| namespaces.open(name, max_bytes(config, name)))
}

/// Gives every namespace the size that the configuration says. Only now that nothing else is wrong with it: those in
/// service must not notice one that is refused.
pub(super) fn bound(config: &Config, namespaces: &mut Namespaces) {
    for plugin in &config.plugins {
        if let Some(store) = open(config, plugin, namespaces) {
            store.bound(max_bytes(config, plugin.namespace()));
        }
    }
}

/// What any of its plugins says; they do not contradict each other.
fn max_bytes(config: &Config, namespace: &str) -> usize {
    let mut plugins =
        config.plugins.iter().filter(|plugin| plugin.has_kv() && plugin.namespace() == namespace);
    let said = plugins.find_map(|plugin| plugin.kv.max_bytes.as_ref());
    usize::try_from(said.map_or(KvConfig::MAX_BYTES, |size| size.value)).unwrap_or(usize::MAX)
}
