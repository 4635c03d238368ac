use std::fmt::Write as _;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::{ProtocolVersion, ServerConnection};

use super::der::{Certificate, Name};

/// What a handshake told of the connection and its client, by the names that plugins know it by.
#[derive(Debug)]
pub struct Facts {
    attributes: Vec<(&'static str, Bytes)>,
}

impl Facts {
    /// After the handshake.
    #[must_use]
    pub fn of(connection: &ServerConnection) -> Self {
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        };
        let mut attributes = vec![("tls.version", Bytes::from_static(version.as_bytes()))];
        if let Some(name) = connection.server_name() {
            attributes.push(("tls.sni", Bytes::copy_from_slice(name.as_bytes())));
        }
        if let Some(certificate) = connection.peer_certificates().and_then(<[_]>::first) {
            attributes.push(("tls.client.fingerprint", fingerprint(certificate)));
            if let Some(parsed) = Certificate::parse(certificate) {
                attributes.push(("tls.client.san", alternative_names(&parsed.names).into()));
                attributes.push(("tls.client.subject", parsed.subject.into()));
            }
        }
        Self { attributes }
    }

    /// All of them.
    pub fn attributes(&self) -> impl Iterator<Item = (&'static str, &Bytes)> {
        self.attributes.iter().map(|(name, value)| (*name, value))
    }
}

/// The SHA-256 digest in hexadecimal digits, as `openssl x509 -fingerprint` prints it without its colons, in lower case.
fn fingerprint(certificate: &[u8]) -> Bytes {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(certificate) {
        let _ = write!(digits, "{byte:02x}");
    }
    digits.into()
}

/// `DNS:a.example,URI:spiffe://b`: the kinds that stand for somebody.
fn alternative_names(names: &[Name]) -> String {
    let names = names.iter().map(|name| match name {
        Name::Dns(name) => format!("DNS:{name}"),
        Name::Uri(uri) => format!("URI:{uri}"),
        Name::Email(mail) => format!("email:{mail}"),
    });
    names.collect::<Vec<_>>().join(",")
}
