//! `[upstream.NAME]`: endpoints and how one is picked.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use http::HeaderValue;

use super::diagnostics::Problems;
use super::endpoint_url::{EndpointPlace, EndpointUrl};
use super::files::FilesConfig;
use super::hash_key::HashKey;
use super::health::HealthConfig;
use super::scalar::{choice, duration, size, timeout, unix_path};
use super::source::Spanned;
use super::table::TableReader;
use super::tls::UpstreamTlsConfig;
use super::value::{Value, element_key, elements, integer, list, text};

const MOST_WEIGHT: u32 = 1000;
/// The port of name servers.
const DNS: u16 = 53;
const MOST_FAILS: u32 = 1_000_000;
const MOST_RETRIES: u32 = 100;
const MOST_REQUESTS: u32 = 1_000_000;
const MOST_IDLE: u32 = 65_535;
const MOST_HEADERS: u32 = 10_000;
const HASH_KEYS: &str =
    "\"client_ip\", \"path\", \"header:NAME\", \"cookie:NAME\", \"query:NAME\" or \"attribute:NAME\"";

/// `[upstream.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamConfig {
    /// With `endpoints`.
    Endpoints(Box<PoolConfig>),
    /// With `files`.
    Files(FilesConfig),
}

/// A pool of endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// The name, and where the section is.
    pub name: Spanned<String>,
    /// How an endpoint is picked.
    pub balance: Balance,
    /// At least one, not all of weight 0, no two alike. One that DNS is asked for by SRV stands alone.
    pub endpoints: Vec<EndpointConfig>,
    /// Who is asked for names; `None` for whom the system asks.
    pub name_servers: Option<Vec<SocketAddr>>,
    /// What consistent hashing hashes; there if and only if `balance` is [`Balance::ConsistentHash`].
    pub hash_key: Option<HashKey>,
    /// What replaces the client's `Host`.
    pub host: Option<HeaderValue>,
    /// After how many failures within `fail_timeout` an endpoint is out; 0 is never.
    pub max_fails: u32,
    /// The time in which failures count, and for which an endpoint is then out.
    pub fail_timeout: Duration,
    /// For how long at most it is out where it fails each time it is tried again.
    pub max_fail_timeout: Duration,
    /// How long an endpoint that came back warms up.
    pub slow_start: Duration,
    /// How many requests may be in flight; 0 is any number.
    pub max_in_flight: u32,
    /// How many each endpoint may have in flight; 0 is any number.
    pub endpoint_max_in_flight: u32,
    /// How many may wait for their turn.
    pub max_pending: u32,
    /// How long they may.
    pub pending_timeout: Duration,
    /// How endpoints are asked how they are.
    pub health: Option<HealthConfig>,
    /// With a smaller share of usable endpoints than this, in per cent, all are used; 0 is never.
    pub panic: u32,
    /// How long connecting to an endpoint may take.
    pub connect_timeout: Duration,
    /// How long an endpoint may take to send a response's head.
    pub response_timeout: Duration,
    /// How long one endpoint may take where another one could be tried after it; none for as long as all together.
    pub per_try_timeout: Option<Duration>,
    /// How long an endpoint may pause while it sends a body.
    pub body_timeout: Duration,
    /// How many more endpoints are tried, where that is safe.
    pub retries: u32,
    /// How many retries there may be for a hundred requests.
    pub retry_budget: u32,
    /// How long a pooled connection may idle.
    pub idle_timeout: Duration,
    /// How many idle connections each worker keeps for each endpoint.
    pub max_idle: usize,
    /// How large the head of a response may be, in bytes.
    pub max_response_head: u32,
    /// How many fields it may have.
    pub max_response_headers: u32,
    /// How endpoints are told who the client is; `None` where they are not.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// What is spoken with endpoints.
    pub protocol: Protocol,
    /// How TLS is spoken with endpoints of `https://`; there if and only if there are such endpoints.
    pub tls: Option<UpstreamTlsConfig>,
}

/// How an endpoint is picked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// By chance, by weight.
    Random,
    /// In turn.
    RoundRobin,
    /// In turn, by weight, smoothly.
    WeightedRoundRobin,
    /// By the hash of a key.
    ConsistentHash,
    /// The less busy of two.
    LeastRequest,
}

impl Balance {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("random", Self::Random),
        ("round_robin", Self::RoundRobin),
        ("weighted_round_robin", Self::WeightedRoundRobin),
        ("consistent_hash", Self::ConsistentHash),
        ("least_request", Self::LeastRequest),
    ];
}

/// The version of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyProtocol {
    /// A line of text.
    V1,
    /// Bytes.
    V2,
}

impl ProxyProtocol {
    const WORDS: &'static [(&'static str, Self)] = &[("v1", Self::V1), ("v2", Self::V2)];
}

/// What is spoken with endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Over TLS what both sides agree on, in clear HTTP/1.
    Auto,
    /// HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    const WORDS: &'static [(&'static str, Self)] =
        &[("auto", Self::Auto), ("http1", Self::Http1), ("http2", Self::Http2)];
}

/// One element of `endpoints`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Where it is.
    pub url: Spanned<EndpointUrl>,
    /// Its share, from 0 to 1000.
    pub weight: u32,
}

impl UpstreamConfig {
    pub(super) fn read(
        name: Spanned<String>,
        value: &Value<'_>,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let table = TableReader::open(value, "a table", problems)?;
        match table.has("files") {
            true => FilesConfig::read(name, table, folder).map(Self::Files),
            false => PoolConfig::read(name, table, folder).map(|pool| Self::Endpoints(Box::new(pool))),
        }
    }

    /// The name, and where the section is.
    #[must_use]
    pub fn name(&self) -> &Spanned<String> {
        match self {
            Self::Endpoints(pool) => &pool.name,
            Self::Files(files) => &files.name,
        }
    }
}

impl PoolConfig {
    fn read(name: Spanned<String>, mut table: TableReader<'_, '_>, folder: &Path) -> Option<Self> {
        refuse_keys_of_files(&mut table);
        let endpoints = "endpoints = [\"http://127.0.0.1:9001\"], or files = \"./public\"";
        let mut config = Self {
            name,
            balance: table.or("balance", Balance::RoundRobin, choice(Balance::WORDS)),
            // Empty after a mistake: such a configuration never leaves this module.
            endpoints: table
                .required("endpoints", endpoints, |value, problems| read_endpoints(value, folder, problems))
                .unwrap_or_default(),
            name_servers: None,
            hash_key: read_hash_key(&mut table),
            host: table.optional("host", read_host),
            max_fails: table.or("max_fails", 3, integer(0, MOST_FAILS)),
            fail_timeout: table.or("fail_timeout", Duration::from_secs(10), timeout),
            max_fail_timeout: table.or("max_fail_timeout", Duration::ZERO, timeout),
            slow_start: table.or("slow_start", Duration::ZERO, duration),
            max_in_flight: table.or("max_in_flight", 0, integer(0, MOST_REQUESTS)),
            endpoint_max_in_flight: table.or("endpoint_max_in_flight", 0, integer(0, MOST_REQUESTS)),
            max_pending: table.or("max_pending", 1024, integer(0, MOST_REQUESTS)),
            pending_timeout: table.or("pending_timeout", Duration::from_secs(1), timeout),
            health: table.optional("health", HealthConfig::read),
            panic: table.or("panic", 0, integer(0, 100)),
            connect_timeout: table.or("connect_timeout", Duration::from_secs(1), timeout),
            response_timeout: table.or("response_timeout", Duration::from_secs(30), timeout),
            per_try_timeout: table.optional("per_try_timeout", timeout),
            body_timeout: table.or("body_timeout", Duration::from_secs(60), timeout),
            retries: table.or("retries", 1, integer(0, MOST_RETRIES)),
            retry_budget: table.or("retry_budget", 20, integer(0, 100)),
            idle_timeout: table.or("idle_timeout", Duration::from_secs(60), timeout),
            max_idle: usize::try_from(table.or("max_idle", 128, integer(0, MOST_IDLE))).unwrap_or(0),
            max_response_head: read_max_head(&mut table),
            max_response_headers: table.or("max_response_headers", 100, integer(1, MOST_HEADERS)),
            proxy_protocol: table.optional("proxy_protocol", choice(ProxyProtocol::WORDS)),
            protocol: table.or("protocol", Protocol::Auto, choice(Protocol::WORDS)),
            tls: None,
        };
        config.name_servers = read_name_servers(&mut table, &config.endpoints);
        config.tls = read_tls(&mut table, &config.endpoints, folder);
        refuse_anybody(&config, table.problems);
        table.finish();
        Some(config)
    }
}

/// `follow_symlinks` says how files are found; without them it would do nothing.
fn refuse_keys_of_files(table: &mut TableReader<'_, '_>) {
    // Known, for whoever misspells it.
    let _ = table.take("files");
    if let Some(value) = table.take("follow_symlinks") {
        value
            .mistake(table.problems, "only files have symbolic links")
            .help("add files = \"./public\", or leave follow_symlinks out");
    }
}

fn read_max_head(table: &mut TableReader<'_, '_>) -> u32 {
    let read = size(8 << 10..=16 << 20, "from \"8KiB\" to \"16MiB\"");
    u32::try_from(table.or("max_response_head", 64 << 10, read)).unwrap_or(u32::MAX)
}

fn read_endpoints(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Vec<EndpointConfig>> {
    let wanted = "an array such as [\"http://127.0.0.1:9001\"]";
    let read = |value: &Value<'_>, problems: &mut Problems| EndpointConfig::read(value, folder, problems);
    let endpoints = list(wanted, read)(value, problems)?;
    let written = elements(value).map_or(0, |elements| elements.len());
    if written == 0 {
        value.mistake(problems, "no endpoints").help("an upstream needs at least one");
    }
    refuse_duplicates(&endpoints, value, problems);
    refuse_company(&endpoints, value, problems);
    if written > 0 && endpoints.len() == written && endpoints.iter().all(|endpoint| endpoint.weight == 0) {
        value
            .mistake(problems, "all endpoints have weight 0")
            .help("nothing could be picked: give one a weight");
    }
    Some(endpoints)
}

fn refuse_duplicates(endpoints: &[EndpointConfig], value: &Value<'_>, problems: &mut Problems) {
    for (index, EndpointConfig { url, .. }) in endpoints.iter().enumerate() {
        let mut earlier = endpoints.iter().take(index);
        if let Some(first) = earlier.find(|first| first.url.same_place(url)) {
            let line = problems.line_of(first.url.span);
            let key = element_key(value, url.span);
            problems
                .add(url.span, key, format!("duplicate endpoint {}", url.text))
                .help(format!("it is already on line {line}; use `weight` for a larger share"));
        }
    }
}

/// SRV records have weights and priorities of their own, which say nothing of other endpoints.
fn refuse_company(endpoints: &[EndpointConfig], value: &Value<'_>, problems: &mut Problems) {
    let srv = endpoints.iter().find(|endpoint| endpoint.url.is_srv());
    if let Some(EndpointConfig { url, .. }) = srv.filter(|_| endpoints.len() > 1) {
        problems
            .add(
                url.span,
                element_key(value, url.span),
                format!("{} stands beside other endpoints", url.text),
            )
            .help("SRV records say all endpoints of an upstream: make an upstream of its own of it");
    }
}

impl EndpointConfig {
    fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let read_url = |value: &Value<'_>, problems: &mut Problems| read_url(value, folder, problems);
        if value.as_table().is_none() {
            return Some(Self { url: read_url(value, problems)?, weight: 1 });
        }
        let mut table = TableReader::open(value, "an endpoint", problems)?;
        let url = table.required("url", "url = \"http://127.0.0.1:9001\"", read_url);
        if let Some(weight) = table.take("weight").filter(|_| url.as_ref().is_some_and(|url| url.is_srv())) {
            weight.mistake(table.problems, "the weights are in the SRV records").help("leave weight out");
        }
        let weight = table.or("weight", 1, integer(0, MOST_WEIGHT));
        table.finish();
        Some(Self { url: url?, weight })
    }
}

fn read_url(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Spanned<EndpointUrl>> {
    let written = text(value, "a URL such as \"http://127.0.0.1:9001\"", problems)?;
    match EndpointUrl::parse(written) {
        Ok(mut url) => {
            if let EndpointPlace::Unix(file) = &mut url.place {
                *file = unix_path(file, value, folder, problems)?;
            }
            Some(value.spanned(url))
        }
        Err(error) => {
            value.mistake(problems, error.to_string()).help(error.help());
            None
        }
    }
}

/// `hash_key` belongs to consistent hashing, and that cannot do without. When `balance` has a mistake of its own,
/// nobody knows what was meant.
fn read_hash_key(table: &mut TableReader<'_, '_>) -> Option<HashKey> {
    let balance = table.take("balance").map_or(Some("round_robin"), |balance| balance.node.as_str());
    if balance == Some("consistent_hash") {
        return table.required("hash_key", "hash_key = \"client_ip\"", parse_hash_key);
    }
    let value = table.take("hash_key")?;
    if balance.is_some_and(|written| Balance::WORDS.iter().any(|(word, _)| *word == written)) {
        value
            .mistake(table.problems, "only consistent hashing uses a hash key")
            .help("set balance = \"consistent_hash\", or leave hash_key out");
    }
    None
}

/// `name_servers` are asked for names; without any it would do nothing.
fn read_name_servers(
    table: &mut TableReader<'_, '_>,
    endpoints: &[EndpointConfig],
) -> Option<Vec<SocketAddr>> {
    let value = table.take("name_servers")?;
    let read = list("an array such as [\"127.0.0.1:8600\"]", read_name_server);
    let servers = read(&value, table.problems);
    if servers.as_ref().is_some_and(Vec::is_empty) && elements(&value).is_some_and(|all| all.is_empty()) {
        value
            .mistake(table.problems, "no name servers")
            .help("leave name_servers out to ask whom the system asks");
    }
    if !endpoints.is_empty() && !endpoints.iter().any(|endpoint| endpoint.url.has_name()) {
        value
            .mistake(table.problems, "no endpoint has a name to ask for")
            .help("leave name_servers out: addresses and Unix sockets need none");
    }
    servers
}

fn read_name_server(value: &Value<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    let wanted = "an address such as \"127.0.0.1:8600\"";
    let written = text(value, wanted, problems)?;
    let bare = written.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, DNS));
    let address = written.parse().ok().or(bare).filter(|address: &SocketAddr| address.port() > 0);
    if address.is_none() {
        value
            .mistake(problems, format!("invalid address {written:?}"))
            .help("an IP address, and a port where it is not 53: \"127.0.0.1:8600\", \"[::1]:8600\"");
    }
    address
}

/// `tls` says how `https://` is spoken; without such an endpoint it would do nothing.
fn read_tls(
    table: &mut TableReader<'_, '_>,
    endpoints: &[EndpointConfig],
    folder: &Path,
) -> Option<UpstreamTlsConfig> {
    let value = table.take("tls");
    let settings = value.as_ref().and_then(|value| UpstreamTlsConfig::read(value, folder, table.problems));
    if endpoints.iter().any(|endpoint| endpoint.url.is_https()) {
        return Some(settings.unwrap_or_default());
    }
    if let Some(value) = value.filter(|_| !endpoints.is_empty()) {
        value
            .mistake(table.problems, "no endpoint is reached by TLS")
            .help("write \"https://\" in the endpoints' URLs, or leave tls out");
    }
    None
}

/// Names from DNS prove nothing: whoever forges an answer has a certificate for his own.
fn refuse_anybody(config: &PoolConfig, problems: &mut Problems) {
    let srv = config.endpoints.iter().find(|endpoint| endpoint.url.is_srv());
    let anybody = config.tls.as_ref().is_some_and(|tls| !tls.knows_whom());
    let Some(EndpointConfig { url, .. }) = srv.filter(|_| anybody) else { return };
    let key = format!("upstream.{}.tls", config.name.value);
    problems
        .add(url.span, key, "anybody whom the system trusts could answer, since DNS says the names")
        .help("add tls = { server_name = \"shop.example\" } for whom the certificates must be, or a `ca` of your own");
}

fn parse_hash_key(value: &Value<'_>, problems: &mut Problems) -> Option<HashKey> {
    let written = text(value, &format!("one of {HASH_KEYS}"), problems)?;
    let key = HashKey::parse(written);
    if key.is_none() {
        value.mistake(problems, format!("invalid hash key {written:?}")).help(format!("one of {HASH_KEYS}"));
    }
    key
}

pub(super) fn read_host(value: &Value<'_>, problems: &mut Problems) -> Option<HeaderValue> {
    let written = text(value, "a host such as \"shop.example\"", problems)?;
    // What may stand between the slashes of an endpoint's URL may stand in a Host header.
    let url = EndpointUrl::parse(&format!("http://{written}"));
    let host = url.ok().filter(|_| !written.contains('/')).and_then(|_| HeaderValue::from_str(written).ok());
    if host.is_none() {
        value
            .mistake(problems, format!("invalid host {written:?}"))
            .help("a name, and a port if need be: \"shop.example:8080\"");
    }
    host
}
