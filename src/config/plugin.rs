//! `[plugin.NAME]`: a configured use of a module.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use super::Names;
use super::diagnostics::Problems;
use super::gateway::path;
use super::json::{Places, object};
use super::kv::KvConfig;
use super::scalar::{choice, sha256, size, timeout};
use super::source::{Span, Spanned};
use super::table::TableReader;
use super::value::{Value, integer, list, spanned, text};

const MOST_HTTP_CALLS: u32 = 1000;

/// `[plugin.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginConfig {
    /// The name, and where the section is.
    pub name: Spanned<String>,
    /// The module's file; a relative path has been joined to the folder of the configuration.
    pub file: Spanned<PathBuf>,
    /// The digest that the module must have.
    pub sha256: Option<Spanned<[u8; 32]>>,
    /// What the guest gets as JSON: always an object.
    pub config: Json,
    /// What it may use.
    pub limits: LimitsConfig,
    /// How long an instance serves.
    pub instance: InstanceUse,
    /// What a failure means for the exchange.
    pub on_error: OnError,
    /// What has been granted beyond what everybody has.
    pub allow: Vec<Spanned<Capability>>,
    /// Where its key-value entries are.
    pub kv: KvConfig,
    places: Places,
}

impl PluginConfig {
    pub(super) fn read(
        name: Spanned<String>,
        value: &Value<'_>,
        folder: &Path,
        names: &Names,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table", problems)?;
        let file = table.required(
            "file",
            "file = \"plugins/NAME.wasm\"",
            spanned(|value: &Value<'_>, problems: &mut Problems| path(value, folder, problems)),
        );
        let sha256 = table.optional("sha256", spanned(sha256));
        let mut places = Places::new();
        let config = table.optional("config", |value, problems| object(value, &mut places, problems));
        let limits = table.or("limits", LimitsConfig::default(), LimitsConfig::read);
        let instance = table.or("instance", InstanceUse::Reuse, choice(InstanceUse::WORDS));
        let on_error = table.or("on_error", OnError::Fail, choice(OnError::WORDS));
        let allow = table.or("allow", Vec::new(), read_allow(names));
        let kv = table.optional("kv", |value, problems| KvConfig::read(value, has_kv(&allow), problems));
        table.finish();
        let kv = kv.unwrap_or_default();
        let config = config.unwrap_or_else(|| Json::Object(serde_json::Map::new()));
        places.entry(String::new()).or_insert(value.spanned(()));
        Some(Self { name, file: file?, sha256, config, limits, instance, on_error, allow, kv, places })
    }

    /// Whether it may use the key-value store.
    pub fn has_kv(&self) -> bool {
        has_kv(&self.allow)
    }

    /// The namespace of its key-value entries.
    pub fn namespace(&self) -> &str {
        self.kv.namespace.as_deref().unwrap_or(&self.name.value)
    }

    /// Where the part of `config` at a JSON pointer is in the file; `""` is the whole. What is not there, such as a
    /// missing key, is where the nearest part around it is.
    pub fn config_span(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        loop {
            match (self.places.get(pointer), pointer.rfind('/')) {
                (Some(place), _) => return place.span,
                (None, Some(slash)) => pointer = pointer.get(..slash).unwrap_or_default(),
                (None, None) => return self.name.span,
            }
        }
    }
}

/// `limits`: what a plugin and its guests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitsConfig {
    /// Linear memory in bytes.
    pub memory: u64,
    /// How long a call may run.
    pub time: Duration,
    /// How many bytes of a body it may have at hand at once, or make.
    pub body: u64,
    /// Requests of its own on behalf of one exchange.
    pub http_calls: u32,
    /// Bytes of the body of a response to one of them.
    pub http_body: u64,
    /// How many instances may live at once.
    pub instances: u32,
    /// After how many calls an instance is replaced; 0 is never.
    pub calls: u32,
    /// After how many failures in a row the plugin is left alone for a while; 0 is never.
    pub failures: u32,
}

/// Far more than any machine has memory for.
const MOST_INSTANCES: u32 = 1_000_000;

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            time: Duration::from_millis(10),
            body: 1 << 20,
            http_calls: 8,
            http_body: 1 << 20,
            instances: 1024,
            calls: 100_000,
            failures: 20,
        }
    }
}

impl LimitsConfig {
    pub(crate) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let default = Self::default();
        let mut table = TableReader::open(value, "a table such as { time = \"10ms\" }", problems)?;
        // A page of Wasm memory is 64 KiB, and a 32-bit guest cannot address more than 4 GiB.
        let memory = size(64 << 10..=4 << 30, "from \"64KiB\" to \"4GiB\"");
        let http_body = size(1 << 10..=256 << 20, "from \"1KiB\" to \"256MiB\"");
        let config = Self {
            memory: table.or("memory", default.memory, memory),
            time: table.or("time", default.time, timeout),
            body: table.or("body", default.body, size(0..=1 << 30, "up to \"1GiB\"")),
            http_calls: table.or("http_calls", default.http_calls, integer(1, MOST_HTTP_CALLS)),
            http_body: table.or("http_body", default.http_body, http_body),
            instances: table.or("instances", default.instances, integer(1, MOST_INSTANCES)),
            calls: table.or("calls", default.calls, integer(0, u32::MAX)),
            failures: table.or("failures", default.failures, integer(0, u32::MAX)),
        };
        table.finish();
        Some(config)
    }
}

/// How long an instance serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceUse {
    /// One call after the other.
    Reuse,
    /// One call.
    Fresh,
}

impl InstanceUse {
    const WORDS: &'static [(&'static str, Self)] = &[("reuse", Self::Reuse), ("fresh", Self::Fresh)];
}

/// What a plugin's failure means for the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The exchange fails.
    Fail,
    /// The exchange goes on as if the plugin were not there.
    Skip,
}

impl OnError {
    pub(crate) const WORDS: &'static [(&'static str, Self)] = &[("fail", Self::Fail), ("skip", Self::Skip)];
}

/// What a plugin may be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// `"kv"`: the key-value store.
    Kv,
    /// `"http:NAME"`: requests of its own to an upstream.
    Http(String),
}

fn has_kv(allow: &[Spanned<Capability>]) -> bool {
    allow.iter().any(|capability| capability.value == Capability::Kv)
}

fn read_allow(names: &Names) -> impl Fn(&Value<'_>, &mut Problems) -> Option<Vec<Spanned<Capability>>> {
    move |value, problems| {
        let read = |value: &Value<'_>, problems: &mut Problems| read_capability(value, names, problems);
        list("an array such as [\"kv\", \"http:auth\"]", spanned(read))(value, problems)
    }
}

fn read_capability(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<Capability> {
    let written = text(value, "\"kv\" or \"http:UPSTREAM\"", problems)?;
    match written.split_once(':') {
        None if written == "kv" => Some(Capability::Kv),
        Some(("http", upstream)) => {
            names.upstream(upstream, value, problems).then(|| Capability::Http(upstream.to_owned()))
        }
        _ => {
            value
                .mistake(problems, format!("unknown capability {written:?}"))
                .help("\"kv\" or \"http:UPSTREAM\"");
            None
        }
    }
}
