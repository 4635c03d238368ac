//! `kv` of a plugin: where its key-value entries are.

use super::diagnostics::Problems;
use super::plugin::PluginConfig;
use super::scalar::size;
use super::source::Spanned;
use super::table::{TableReader, check_name};
use super::value::{Value, spanned, text};

/// `kv`: where a plugin's key-value entries are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KvConfig {
    /// The namespace; plugins of the same one share their entries. By default the plugin's name.
    pub namespace: Option<String>,
    /// How many bytes the entries of the namespace may take.
    pub max_bytes: Option<Spanned<u64>>,
}

impl KvConfig {
    /// What a namespace may take where nothing is said: tens of thousands of small entries.
    pub const MAX_BYTES: u64 = 16 << 20;

    pub(super) fn read(value: &Value<'_>, allowed: bool, problems: &mut Problems) -> Option<Self> {
        let mut table = TableReader::open(value, "a table such as { namespace = \"shared\" }", problems)?;
        // The least holds one value of the greatest length, with its key and what the store adds.
        let max_bytes = size(128 << 10..=64 << 30, "from \"128KiB\" to \"64GiB\"");
        let config = Self {
            namespace: table.optional("namespace", namespace),
            max_bytes: table.optional("max_bytes", spanned(max_bytes)),
        };
        table.finish();
        if !allowed {
            value
                .mistake(problems, "the plugin may not use the key-value store")
                .help("add allow = [\"kv\"] to the plugin if you trust it with that, or remove this");
        }
        Some(config)
    }
}

fn namespace(value: &Value<'_>, problems: &mut Problems) -> Option<String> {
    let name = value.spanned(text(value, "a name such as \"shared\"", problems)?.to_owned());
    check_name(&name, &value.key, problems);
    Some(name.value)
}

/// Refuses two sizes for one namespace: it can have only one.
pub(super) fn check_sizes(plugins: &[PluginConfig], problems: &mut Problems) {
    for (index, plugin) in plugins.iter().enumerate() {
        let Some(size) = &plugin.kv.max_bytes else { continue };
        let is_other = |other: &&PluginConfig| {
            other.namespace() == plugin.namespace() && other.kv.max_bytes.as_ref().is_some_and(|o| o != size)
        };
        if let Some(other) = plugins.iter().take(index).find(is_other) {
            let key = format!("plugin.{}.kv.max_bytes", *plugin.name);
            let namespace = plugin.namespace();
            problems
                .add(size.span, key, format!("plugin.{} gives {namespace:?} another size", *other.name))
                .help("plugins of one namespace share its room: say the size once, or the same");
        }
    }
}
