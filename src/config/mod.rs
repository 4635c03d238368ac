//! The configuration: the TOML file as data, and every mistake in it with its place.
//!
//! [`load`] reads a file into a [`Config`] or into [`Diagnostics`] that list *all* its mistakes. The file is read by
//! hand from a tree with places rather than by derived deserialisation, which would stop at the first mistake.
//!
//! ```text
//! source        the text and places in it
//! diagnostics   mistakes, collected; render: how they look; suggest: what a misspelt word was meant to be
//! syntax        text → tables
//! value, table  one value, one table on its way to a type; scalar: durations, sizes, addresses, choices
//! names         what may be referred to
//! gateway, listener (http2), upstream (endpoint_url, hash_key, files), tls of both, plugin (json, kv), route: one file for each section
//! ```
//!
//! There are no runtime types here: whatever runs is built from this by `snapshot`. What only a later layer can
//! check — the syntax of paths, a module's file, a plugin's schema — is reported by that layer through [`Problems`],
//! with the spans kept here.

mod answer;
mod diagnostics;
mod endpoint_url;
mod files;
mod gateway;
mod hash_key;
mod health;
mod http2;
mod json;
mod kv;
mod listener;
mod names;
mod network;
mod plugin;
mod render;
mod route;
mod scalar;
mod source;
mod suggest;
mod syntax;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod upstream;
mod value;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

pub use answer::{AnswerConfig, PieceConfig};
pub use diagnostics::{Diagnostic, Diagnostics, Problems};
pub use endpoint_url::{EndpointPlace, EndpointUrl, UrlError};
pub use files::FilesConfig;
pub use gateway::{AdminConfig, GatewayConfig, Level, LogConfig, LogFormat};
pub use hash_key::HashKey;
pub use health::{HealthConfig, Probe};
pub use http2::Http2Config;
pub use kv::KvConfig;
pub use listener::{ListenAddress, ListenerConfig};
pub use network::NetworkConfig;
pub use plugin::{Capability, InstanceUse, LimitsConfig, OnError, PluginConfig};
pub use route::{PluginUse, RouteConfig};
pub use source::{Position, Source, Span, Spanned};
pub use tls::{CertificateConfig, ListenerTlsConfig, UpstreamTlsConfig};
pub use upstream::{Balance, EndpointConfig, PoolConfig, Protocol, ProxyProtocol, UpstreamConfig};

// For readers of other files, which make their mistakes known in the same way.
pub(crate) use json::{Places, convert, object};
pub(crate) use scalar::choice;
pub(crate) use suggest::did_you_mean;
pub(crate) use table::{TableReader, child, in_order};
pub(crate) use value::{Value, boolean, elements, list, one_or_more, text};

use names::Names;
use table::sections;
use value::element_key;

/// One configuration file, read and checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file itself: what the spans point into.
    pub source: Arc<Source>,
    /// The folder of the file, to which relative paths are relative; empty for the current one.
    pub folder: PathBuf,
    /// `[gateway]`.
    pub gateway: GatewayConfig,
    /// `[admin]`.
    pub admin: Option<AdminConfig>,
    /// `[listener.NAME]`, at least one.
    pub listeners: Vec<ListenerConfig>,
    /// `[upstream.NAME]`.
    pub upstreams: Vec<UpstreamConfig>,
    /// `[plugin.NAME]`.
    pub plugins: Vec<PluginConfig>,
    /// `[[route]]`, at least one.
    pub routes: Vec<RouteConfig>,
}

/// Reads a configuration file. A file that cannot be read is a mistake like any other.
pub fn load(path: &Path) -> Result<Config, Diagnostics> {
    parse(path, read_text(path)?)
}

fn read_text(path: &Path) -> Result<String, Diagnostics> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Diagnostics {
    let mut problems = Problems::new(Arc::new(Source::new(path, "")));
    problems.add(None, "", format!("cannot read the file: {error}"));
    problems.into_diagnostics()
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Diagnostics {
    let valid = error.utf8_error().valid_up_to();
    let mut problems = Problems::new(Arc::new(Source::new(path, String::from_utf8_lossy(error.as_bytes()))));
    problems.add(Span::new(valid, valid), "syntax", "not UTF-8").help("save the file as UTF-8");
    problems.into_diagnostics()
}

/// Reads the text of a configuration file; `path` names the file in messages and says what paths are relative to.
pub fn parse(path: &Path, text: String) -> Result<Config, Diagnostics> {
    let source = Arc::new(Source::new(path, text));
    read_tables(&source, |root, problems| Config::read(Arc::clone(&source), root, problems))
}

/// Reads a TOML file of another kind, with the diagnostics of this one.
pub(crate) fn load_other<T>(
    path: &Path,
    read: impl FnOnce(&DeTable<'_>, &Arc<Source>, &mut Problems) -> Option<T>,
) -> Result<T, Diagnostics> {
    let source = Arc::new(Source::new(path, read_text(path)?));
    read_tables(&source, |root, problems| read(root, &source, problems))
}

fn read_tables<T>(
    source: &Arc<Source>,
    read: impl FnOnce(&DeTable<'_>, &mut Problems) -> Option<T>,
) -> Result<T, Diagnostics> {
    let mut problems = Problems::new(Arc::clone(source));
    let root = syntax::parse(source, &mut problems);
    let syntax_errors = problems.len();
    let read = root.and_then(|root| read(&root, &mut problems));
    problems.drop_echoes(syntax_errors);
    match read {
        Some(read) => problems.finish(read),
        None => Err(problems.into_diagnostics()),
    }
}

/// Where the admin listener of a file is, even if the file has mistakes elsewhere: `gatewright reload` must reach a
/// running gateway to learn what it thinks of them.
pub fn admin_address(path: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(path).ok()?;
    let (root, _) = DeTable::parse_recoverable(&text);
    let admin = root.get_ref().get("admin")?.get_ref().as_table()?;
    admin.get("listen")?.get_ref().as_str()?.parse().ok()
}

impl Config {
    fn read(source: Arc<Source>, entries: &DeTable<'_>, problems: &mut Problems) -> Option<Self> {
        let folder = source.path.parent().map(Path::to_owned).unwrap_or_default();
        let names = Names::of(entries);
        let mut root = TableReader::root(entries, problems);
        let gateway = root.or("gateway", GatewayConfig::default(), |value, problems| {
            GatewayConfig::read(value, &folder, problems)
        });
        let admin = root.optional("admin", AdminConfig::read);
        let listeners = root.required(
            "listener",
            "[listener.web] with listen = \"127.0.0.1:8080\"",
            |value, problems| read_listeners(value, &folder, problems),
        );
        let upstreams =
            root.or("upstream", Vec::new(), |value, problems| read_upstreams(value, &folder, problems));
        let plugins =
            root.or("plugin", Vec::new(), |value, problems| read_plugins(value, &folder, &names, problems));
        let routes = root.required(
            "route",
            "[[route]] with path = \"/*\" and upstream = \"NAME\"",
            |value, problems| read_routes(value, &names, problems),
        );
        root.finish();
        let listeners = listeners?;
        check_addresses(&listeners, admin.as_ref(), problems);
        Some(Self { source, folder, gateway, admin, listeners, upstreams, plugins, routes: routes? })
    }
}

fn read_listeners(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<ListenerConfig>> {
    refuse_none(value, value.as_table().map(|table| table.len()), problems);
    let sections = sections(value, problems).into_iter();
    Some(sections.filter_map(|(name, value)| ListenerConfig::read(name, &value, folder, problems)).collect())
}

fn read_upstreams(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<UpstreamConfig>> {
    let sections = sections(value, problems).into_iter();
    Some(sections.filter_map(|(name, value)| UpstreamConfig::read(name, &value, folder, problems)).collect())
}

fn read_plugins(
    value: &Value<'_>,
    folder: &Path,
    names: &Names,
    problems: &mut Problems,
) -> Option<Vec<PluginConfig>> {
    let sections = sections(value, problems).into_iter();
    let read = |(name, value): (_, Value<'_>)| PluginConfig::read(name, &value, folder, names, problems);
    let plugins: Vec<_> = sections.filter_map(read).collect();
    kv::check_sizes(&plugins, problems);
    Some(plugins)
}

fn read_routes(value: &Value<'_>, names: &Names, problems: &mut Problems) -> Option<Vec<RouteConfig>> {
    refuse_none(value, value.node.as_array().map(|array| array.len()), problems);
    let read = |value: &Value<'_>, problems: &mut Problems| RouteConfig::read(value, names, problems);
    let routes = list("an array of tables, [[route]]", read)(value, problems)?;
    check_route_names(&routes, value, problems);
    Some(routes)
}

/// Refuses a name that two routes have: a log line should say which.
fn check_route_names(routes: &[RouteConfig], value: &Value<'_>, problems: &mut Problems) {
    let mut named = HashMap::new();
    for name in routes.iter().filter_map(|route| route.name.as_ref()) {
        let first = *named.entry(name.value.as_str()).or_insert(name.span);
        if first != name.span {
            let line = problems.line_of(first);
            let key = child(&element_key(value, name.span), "name");
            problems
                .add(name.span, key, format!("duplicate name {:?}", name.value))
                .help(format!("the route on line {line} has it"));
        }
    }
}

/// Refuses an empty section: a gateway without listeners or routes serves nothing.
fn refuse_none(value: &Value<'_>, count: Option<usize>, problems: &mut Problems) {
    if count == Some(0) {
        value
            .mistake(problems, format!("no {}", value.key))
            .help("nothing would be served: add at least one");
    }
}

/// Refuses an address that is listened on twice; port 0 is a free one each time.
fn check_addresses(listeners: &[ListenerConfig], admin: Option<&AdminConfig>, problems: &mut Problems) {
    let listeners = listeners
        .iter()
        .map(|listener| (format!("listener.{}.listen", *listener.name), listener.listen.clone()));
    let admin = admin.map(|admin| {
        ("admin.listen".to_owned(), Spanned::new(ListenAddress::Ip(admin.listen.value), admin.listen.span))
    });
    let mut seen: Vec<(String, Spanned<ListenAddress>)> = Vec::new();
    for (key, address) in listeners.chain(admin) {
        match seen.iter().find(|(_, other)| other.excludes(&address)) {
            Some((other, _)) => {
                let message = format!("{} is already the address of {other}", *address);
                problems.add(address.span, key, message).help("give each its own port");
            }
            None => seen.push((key, address)),
        }
    }
}
