//! `[listener.NAME]`: where clients come in.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::diagnostics::Problems;
use super::http2::Http2Config;
use super::network::NetworkConfig;
use super::scalar::{address, size, timeout, unix_path};
use super::source::Spanned;
use super::table::TableReader;
use super::tls::ListenerTlsConfig;
use super::value::{Value, boolean, integer, list, text};

/// A message's head with more of them has no place in a header map.
const MOST_HEADERS: u32 = 10_000;

/// Where a listener is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// An IP address and a port; 0 is a free one.
    Ip(SocketAddr),
    /// The file of a Unix socket.
    Unix(PathBuf),
}

/// `[listener.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The name, and where the section is.
    pub name: Spanned<String>,
    /// The address to listen on.
    pub listen: Spanned<ListenAddress>,
    /// Who may connect to a Unix socket, as `chmod` takes it.
    pub mode: Option<u32>,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may pause while it sends a body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of a response.
    pub send_timeout: Duration,
    /// How long an exchange may take; `None` is for ever.
    pub request_timeout: Option<Duration>,
    /// How many connections may be open at a time; `None` is any number.
    pub max_connections: Option<u32>,
    /// How many of them one client's address may have.
    pub max_connections_per_client: Option<u32>,
    /// How many requests an HTTP/1 connection may serve.
    pub max_requests: Option<u32>,
    /// How large a request's body may be, in bytes.
    pub max_body: Option<u64>,
    /// Whether connections begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Whose word on who the client is counts.
    pub trusted_proxies: Vec<NetworkConfig>,
    /// How large a request's head may be, in bytes.
    pub max_head: u64,
    /// How HTTP/2 is spoken; `None` where it is not.
    pub http2: Option<Http2Config>,
    /// How TLS is spoken; `None` where it is not.
    pub tls: Option<ListenerTlsConfig>,
    /// How long a request's target may be, in bytes.
    pub max_uri: u64,
    /// How many fields a request's head may have.
    pub max_headers: u32,
}

impl ListenAddress {
    fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        match value.node.as_str().and_then(|text| text.strip_prefix("unix:")) {
            Some(file) => unix_path(Path::new(file), value, folder, problems).map(Self::Unix),
            None => address(value, problems).map(Self::Ip),
        }
    }

    /// Whether two listeners cannot both have it.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        self == other && !matches!(self, Self::Ip(address) if address.port() == 0)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Unix(file) => write!(f, "unix:{}", file.display()),
        }
    }
}

/// `mode` is that of a file; without one it would do nothing.
fn read_mode(table: &mut TableReader<'_, '_>, listen: Option<&ListenAddress>) -> Option<u32> {
    let value = table.take("mode")?;
    if let Some(ListenAddress::Ip(_)) = listen {
        value
            .mistake(table.problems, "only the file of a Unix socket has a mode")
            .help("listen on \"unix:/run/gatewright.sock\", or leave mode out");
        return None;
    }
    let wanted = "a mode such as \"0660\"";
    let written = text(&value, wanted, table.problems)?;
    let digits = (3..=4).contains(&written.len()) && written.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let mode = u32::from_str_radix(written, 8).ok().filter(|mode| digits && *mode <= 0o777);
    if mode.is_none() {
        value
            .expected(table.problems, wanted)
            .help("three octal digits, as `chmod` takes them; to connect is to write");
    }
    mode
}

impl ListenerConfig {
    pub(super) fn read(
        name: Spanned<String>,
        value: &Value<'_>,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table", problems)?;
        let listen = table.required("listen", "listen = \"127.0.0.1:8080\"", |value, problems| {
            ListenAddress::read(value, folder, problems).map(|address| value.spanned(address))
        });
        let mode = read_mode(&mut table, listen.as_deref());
        let header_timeout = table.or("header_timeout", Duration::from_secs(10), timeout);
        let idle_timeout = table.or("idle_timeout", Duration::from_secs(75), timeout);
        let body_timeout = table.or("body_timeout", Duration::from_secs(30), timeout);
        let send_timeout = table.or("send_timeout", Duration::from_secs(60), timeout);
        let request_timeout = table.optional("request_timeout", timeout);
        let max_connections = table.optional("max_connections", integer(1, u32::MAX));
        let max_connections_per_client = table.optional("max_connections_per_client", integer(1, u32::MAX));
        let max_requests = table.optional("max_requests", integer(1, u32::MAX));
        let max_body = table.optional("max_body", size(0..=u64::MAX, "at least \"0B\""));
        let proxy_protocol = table.or("proxy_protocol", false, boolean);
        let trusted_proxies = table.or(
            "trusted_proxies",
            Vec::new(),
            list("an array such as [\"10.0.0.0/8\"]", NetworkConfig::read),
        );
        // hyper needs a buffer of at least 8 KiB.
        let max_head = table.or("max_head", 64 << 10, size(8 << 10..=16 << 20, "from \"8KiB\" to \"16MiB\""));
        let http2 = Http2Config::read(&mut table);
        let tls = table.optional("tls", |value, problems| ListenerTlsConfig::read(value, folder, problems));
        // hyper keeps places in a target as 16-bit numbers.
        let max_uri = table.or("max_uri", 16 << 10, size(1 << 10..=63 << 10, "from \"1KiB\" to \"63KiB\""));
        let max_headers = table.or("max_headers", 100, integer(1, MOST_HEADERS));
        table.finish();
        let listen = listen?;
        Some(Self {
            name,
            listen,
            mode,
            header_timeout,
            idle_timeout,
            body_timeout,
            send_timeout,
            request_timeout,
            max_connections,
            max_connections_per_client,
            max_requests,
            max_body,
            proxy_protocol,
            trusted_proxies,
            max_head,
            max_uri,
            max_headers,
            http2,
            tls,
        })
    }
}
