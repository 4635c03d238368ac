//! TLS on both sides: certificates and keys from files, who is on the other end, and the settings that rustls works by.

mod client;
mod der;
mod identity;
mod peer;
mod pem;
mod server;

use std::path::PathBuf;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};

pub use client::{Client, ClientSettings};
pub use identity::Identity;
pub use peer::Facts;
pub use pem::Pem;
pub use server::{ClientAuth, Server, ServerSettings};

/// HTTP/2 and HTTP/1.1 in ALPN.
pub const HTTP2: &[u8] = b"h2";
/// See [`HTTP2`].
pub const HTTP1: &[u8] = b"http/1.1";

/// Why a file does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", .file.display())]
pub struct TlsError {
    /// The file.
    pub file: PathBuf,
    /// Why.
    pub why: String,
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
