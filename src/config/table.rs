//! Reading a table key by key, so that what nobody asked for is known to be unknown.

use toml::de::{DeString, DeTable, DeValue};

use super::diagnostics::Problems;
use super::source::{Span, Spanned};
use super::suggest::did_you_mean;
use super::value::Value;

/// A table being read. Asking for a key makes it a known one; [`finish`](Self::finish) refuses the others.
pub(crate) struct TableReader<'a, 'p> {
    key: String,
    span: Span,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
    pub(crate) problems: &'p mut Problems,
}

impl<'a, 'p> TableReader<'a, 'p> {
    /// The whole file.
    pub(crate) fn root(entries: &'a DeTable<'a>, problems: &'p mut Problems) -> Self {
        Self { key: String::new(), span: Span::default(), entries, known: vec![], problems }
    }

    /// The table that `value` has to be; `wanted` says which when it is none.
    pub(crate) fn open(value: &Value<'a>, wanted: &str, problems: &'p mut Problems) -> Option<Self> {
        let Some(entries) = value.as_table() else {
            value.expected(problems, wanted);
            return None;
        };
        Some(Self { key: value.key.clone(), span: value.span, entries, known: vec![], problems })
    }

    /// The value of a key that may be missing.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key)?;
        read(&value, self.problems)
    }

    /// The value of a key that has a default.
    pub(crate) fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(&Value<'a>, &mut Problems) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// The value of a key that must be there; `example` is a line that would be right.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&Value<'a>, &mut Problems) -> Option<T>,
    ) -> Option<T> {
        let value = self.take(key);
        if value.is_none() {
            let missing = child(&self.key, key);
            let message = if self.key.is_empty() { "missing section" } else { "missing key" };
            self.problems.add(self.span, missing, message).help(format!("add {example}"));
        }
        read(&value?, self.problems)
    }

    /// The value of a key, not yet read.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        let node = self.entries.get(key)?;
        Some(Value::new(child(&self.key, key), node))
    }

    /// Whether the key is there at all.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Refuses the keys that nobody asked for.
    pub(crate) fn finish(self) {
        for (key, _) in in_order(self.entries) {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                let help = format!(
                    "{}known keys: {}",
                    did_you_mean(name, self.known.iter().copied()),
                    self.known.join(", ")
                );
                self.problems.add(Span::from(key.span()), child(&self.key, name), "unknown key").help(help);
            }
        }
    }
}

/// A section's table and its name.
pub(crate) type Section<'a> = (Spanned<String>, Value<'a>);

/// The tables of a section, `[listener.web]`, `[listener.shop]`, in the order of the file.
pub(crate) fn sections<'a>(value: &Value<'a>, problems: &mut Problems) -> Vec<Section<'a>> {
    let Some(entries) = value.as_table() else {
        refuse_nameless(value, &value.key, problems);
        return Vec::new();
    };
    let entries = in_order(entries).into_iter();
    entries.filter_map(|(name, node)| section(value, name, node, problems)).collect()
}

fn section<'a>(
    parent: &Value<'a>,
    name: &toml::Spanned<DeString<'a>>,
    node: &'a toml::Spanned<DeValue<'a>>,
    problems: &mut Problems,
) -> Option<Section<'a>> {
    let value = Value::new(child(&parent.key, name.get_ref()), node);
    if value.as_table().is_none() {
        refuse_nameless(&value, &parent.key, problems);
        return None;
    }
    let name = Spanned::new(name.get_ref().to_string(), name.span().into());
    check_name(&name, &value.key, problems);
    Some((name, value))
}

fn refuse_nameless(value: &Value<'_>, kind: &str, problems: &mut Problems) {
    value
        .expected(problems, &format!("a table, [{kind}.NAME]"))
        .help(format!("each {kind} has a name of its own"));
}

/// Refuses a name that would not read well in logs, metrics and key paths.
pub(crate) fn check_name(name: &Spanned<String>, key: &str, problems: &mut Problems) {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        problems
            .add(name.span, key, format!("invalid name {:?}", name.value))
            .help("a name is made of a-z, 0-9, _ and -");
    }
}

/// The entries as the file has them; the map itself is sorted by key.
pub(crate) fn in_order<'a>(
    entries: &'a DeTable<'a>,
) -> Vec<(&'a toml::Spanned<DeString<'a>>, &'a toml::Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The path of a key below another; quoted where TOML would want it quoted.
pub(crate) fn child(parent: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = match !key.is_empty() && key.chars().all(bare) {
        true => key.to_owned(),
        false => format!("{key:?}"),
    };
    if parent.is_empty() { key } else { format!("{parent}.{key}") }
}
