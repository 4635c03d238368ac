//! The names that others may refer to.

use toml::de::DeTable;

use super::diagnostics::Problems;
use super::suggest::did_you_mean;
use super::table::in_order;
use super::value::Value;

/// The upstreams and plugins of a file, those with mistakes included: a mistake in an upstream should not be reported
/// again at each route that names it.
pub(super) struct Names {
    upstreams: Vec<String>,
    plugins: Vec<String>,
}

impl Names {
    pub(super) fn of(root: &DeTable<'_>) -> Self {
        Self { upstreams: names(root, "upstream"), plugins: names(root, "plugin") }
    }

    /// Whether there is such an upstream; notes a mistake if not.
    pub(super) fn upstream(&self, name: &str, value: &Value<'_>, problems: &mut Problems) -> bool {
        known("upstream", name, &self.upstreams, value, problems)
    }

    /// Whether there is such a plugin; notes a mistake if not.
    pub(super) fn plugin(&self, name: &str, value: &Value<'_>, problems: &mut Problems) -> bool {
        known("plugin", name, &self.plugins, value, problems)
    }
}

fn names(root: &DeTable<'_>, section: &str) -> Vec<String> {
    let table = root.get(section).and_then(|value| value.get_ref().as_table());
    table.map(in_order).unwrap_or_default().into_iter().map(|(name, _)| name.get_ref().to_string()).collect()
}

fn known(what: &str, name: &str, names: &[String], value: &Value<'_>, problems: &mut Problems) -> bool {
    let known = names.iter().any(|known| known == name);
    if !known {
        let guess = did_you_mean(name, names.iter().map(String::as_str));
        let list = if names.is_empty() {
            format!("there are none: add [{what}.{name}]")
        } else {
            format!("known: {}", names.join(", "))
        };
        value.mistake(problems, format!("unknown {what} {name:?}")).help(format!("{guess}{list}"));
    }
    known
}
