//! `[listener.NAME]`: where clients come in.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::diagnostics::Problems;
use super::http2::Http2Config;
use super::scalar::{address, size, timeout};
use super::source::Spanned;
use super::table::TableReader;
use super::tls::ListenerTlsConfig;
use super::value::{Value, spanned};

/// `[listener.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The name, and where the section is.
    pub name: Spanned<String>,
    /// The address to listen on.
    pub listen: Spanned<SocketAddr>,
    /// How long a client may take to send a request's head.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long a client may pause while it sends a body.
    pub body_timeout: Duration,
    /// How large a request's head may be, in bytes.
    pub max_head: u64,
    /// How HTTP/2 is spoken; `None` where it is not.
    pub http2: Option<Http2Config>,
    /// How TLS is spoken; `None` where it is not.
    pub tls: Option<ListenerTlsConfig>,
}

impl ListenerConfig {
    pub(super) fn read(
        name: Spanned<String>,
        value: &Value<'_>,
        folder: &Path,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut table = TableReader::open(value, "a table", problems)?;
        let listen = table.required("listen", "listen = \"127.0.0.1:8080\"", spanned(address));
        let header_timeout = table.or("header_timeout", Duration::from_secs(10), timeout);
        let idle_timeout = table.or("idle_timeout", Duration::from_secs(75), timeout);
        let body_timeout = table.or("body_timeout", Duration::from_secs(30), timeout);
        // hyper needs a buffer of at least 8 KiB.
        let max_head = table.or("max_head", 64 << 10, size(8 << 10..=16 << 20, "from \"8KiB\" to \"16MiB\""));
        let http2 = Http2Config::read(&mut table);
        let tls = table.optional("tls", |value, problems| ListenerTlsConfig::read(value, folder, problems));
        table.later(&["max_body"]);
        table.finish();
        Some(Self { name, listen: listen?, header_timeout, idle_timeout, body_timeout, max_head, http2, tls })
    }
}
