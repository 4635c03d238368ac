//! `tls` of a listener and of an upstream.

use std::path::{Path, PathBuf};

use rustls_pki_types::ServerName;

use super::diagnostics::Problems;
use super::gateway::path;
use super::scalar::choice;
use super::source::Spanned;
use super::table::TableReader;
use super::value::{Value, boolean, list, spanned, text};

const CERTIFICATE: &str = "certificate = \"cert.pem\"";
const KEY: &str = "key = \"key.pem\"";

/// `listener.NAME.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTlsConfig {
    /// At least one; the first is for clients that ask for none of the others' names.
    pub certificates: Vec<CertificateConfig>,
    /// Who vouches for clients; there if they are asked for a certificate.
    pub client_ca: Option<Spanned<PathBuf>>,
    /// Whether they must have one.
    pub client_required: bool,
}

/// `upstream.NAME.tls`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamTlsConfig {
    /// Who vouches for endpoints; `None` for those whom the system trusts.
    pub ca: Option<Spanned<PathBuf>>,
    /// Whether endpoints are asked who they are at all.
    pub verify: bool,
    /// Who they must be, where that is not the host of their URL.
    pub server_name: Option<ServerName<'static>>,
    /// Who the gateway is, where they ask.
    pub identity: Option<CertificateConfig>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateConfig {
    /// The chain, its own certificate first.
    pub certificate: Spanned<PathBuf>,
    /// The key.
    pub key: Spanned<PathBuf>,
}

impl Default for UpstreamTlsConfig {
    fn default() -> Self {
        Self { ca: None, verify: true, server_name: None, identity: None }
    }
}

const CLIENT_AUTH: &[(&str, bool)] = &[("required", true), ("optional", false)];

impl ListenerTlsConfig {
    pub(super) fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let wanted = "a table such as { certificate = \"cert.pem\", key = \"key.pem\" }";
        let mut table = TableReader::open(value, wanted, problems)?;
        let more = table.optional("certificates", |value, problems| {
            let read = |value: &Value<'_>, problems: &mut Problems| {
                let mut table = TableReader::open(value, wanted, problems)?;
                let certificate = CertificateConfig::read(&mut table, folder);
                table.finish();
                certificate
            };
            list("an array of tables such as { certificate = \"cert.pem\", key = \"key.pem\" }", read)(
                value, problems,
            )
        });
        // One is enough, in either place.
        let alone = more.is_none() || table.has("certificate") || table.has("key");
        let first = if alone { CertificateConfig::read(&mut table, folder) } else { None };
        let client_ca = table.optional("client_ca", file(folder));
        let client_required = read_client_auth(&mut table, client_ca.is_some());
        table.finish();
        let certificates: Vec<_> = first.into_iter().chain(more.into_iter().flatten()).collect();
        if certificates.is_empty() && !alone {
            value.mistake(problems, "no certificates").help("TLS needs at least one");
        }
        Some(Self { certificates, client_ca, client_required })
    }
}

fn read_client_auth(table: &mut TableReader<'_, '_>, with_ca: bool) -> bool {
    let Some(value) = table.take("client_auth") else { return true };
    let required = choice(CLIENT_AUTH)(&value, table.problems);
    if !with_ca && !table.has("client_ca") {
        value
            .mistake(table.problems, "nobody is named who vouches for clients")
            .help("add client_ca = \"ca.pem\", or leave client_auth out");
    }
    required.unwrap_or(true)
}

impl CertificateConfig {
    fn read(table: &mut TableReader<'_, '_>, folder: &Path) -> Option<Self> {
        let certificate = table.required("certificate", CERTIFICATE, file(folder));
        let key = table.required("key", KEY, file(folder));
        Some(Self { certificate: certificate?, key: key? })
    }
}

impl UpstreamTlsConfig {
    /// Whether not just anybody with a certificate for his own name would do.
    pub(super) fn knows_whom(&self) -> bool {
        self.server_name.is_some() || self.ca.is_some() || !self.verify
    }

    pub(super) fn read(value: &Value<'_>, folder: &Path, problems: &mut Problems) -> Option<Self> {
        let mut table = TableReader::open(value, "a table such as { ca = \"ca.pem\" }", problems)?;
        let ca = table.optional("ca", file(folder));
        let verify = table.or("verify", true, boolean);
        let server_name = table.optional("server_name", read_server_name);
        let identity = match table.has("certificate") || table.has("key") {
            true => CertificateConfig::read(&mut table, folder),
            false => {
                // Makes the keys known ones.
                let _ = (table.take("certificate"), table.take("key"));
                None
            }
        };
        table.finish();
        Some(Self { ca, verify, server_name, identity })
    }
}

fn file(folder: &Path) -> impl Fn(&Value<'_>, &mut Problems) -> Option<Spanned<PathBuf>> {
    move |value, problems| {
        spanned(|value: &Value<'_>, problems: &mut Problems| path(value, folder, problems))(value, problems)
    }
}

fn read_server_name(value: &Value<'_>, problems: &mut Problems) -> Option<ServerName<'static>> {
    let written = text(value, "a name such as \"shop.internal\"", problems)?;
    let name = ServerName::try_from(written.to_owned()).ok();
    if name.is_none() {
        value
            .mistake(problems, format!("invalid server name {written:?}"))
            .help("a DNS name or an IP address, as the endpoint's certificate has it");
    }
    name
}
