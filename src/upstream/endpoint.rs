use std::fmt;

use http::HeaderValue;

use super::passive::Passive;

/// One address of an upstream.
#[derive(Debug)]
pub struct Endpoint {
    /// As the configuration writes it.
    pub url: Box<str>,
    /// Host name or IP literal (without brackets).
    pub host: Box<str>,
    /// Port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub https: bool,
    /// What stands before every request's path: escaped, without a slash at its end, empty where there is none.
    pub base_path: Box<str>,
    /// `host:port` as a `Host` field, for requests that bring none.
    pub authority: HeaderValue,
    /// What its answers say of its health.
    pub(super) passive: Passive,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}
