use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::Ticketer;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, ServerConfig};

use super::identity::Identity;
use super::pem::Pem;
use super::{HTTP1, HTTP2, TlsError, provider};

/// How TLS is spoken with clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// The first is for clients that ask for none of the others' names.
    pub certificates: Vec<Identity>,
    /// Who vouches for clients, where they are asked for a certificate.
    pub client_auth: Option<ClientAuth>,
    /// Whether HTTP/2 may be agreed on.
    pub http2: bool,
}

/// Clients are asked for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAuth {
    /// Who vouches for them.
    pub ca: Pem,
    /// Whether they must have one.
    pub required: bool,
}

/// TLS with clients.
pub struct Server {
    settings: ServerSettings,
    acceptor: TlsAcceptor,
}

impl Server {
    /// Makes it ready. Whatever is wrong and can be lived with is told to `warn`.
    ///
    /// # Errors
    /// The first file that does not do.
    pub fn build(settings: ServerSettings, mut warn: impl FnMut(TlsError)) -> Result<Self, TlsError> {
        let mut certificates = ByName::default();
        for identity in &settings.certificates {
            let loaded = identity.load()?;
            loaded.warning.into_iter().for_each(&mut warn);
            certificates.add(&loaded.key, loaded.names);
        }
        let verifier = match &settings.client_auth {
            None => Arc::new(NoClientAuth),
            Some(auth) => auth.verifier()?,
        };
        let broken = |error: Error| TlsError { file: "TLS".into(), why: error.to_string() };
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(broken)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(certificates));
        // Tickets are good on every worker, and need no memory of ours.
        config.ticketer = Ticketer::new().map_err(broken)?;
        if settings.http2 {
            config.alpn_protocols.push(HTTP2.to_vec());
        }
        config.alpn_protocols.push(HTTP1.to_vec());
        Ok(Self { settings, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &ServerSettings {
        &self.settings
    }

    /// Does handshakes.
    #[must_use]
    pub fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl ClientAuth {
    fn verifier(&self) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let roots = Arc::new(self.ca.roots()?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
        let verifier = if self.required { verifier } else { verifier.allow_unauthenticated() };
        verifier.build().map_err(|error| self.ca.error(error.to_string()))
    }
}

/// Two are the same if they were made from the same.
impl PartialEq for Server {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Server {}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Certificates by the names that they are for. Where two are for the same, the first is taken.
#[derive(Debug, Default)]
struct ByName {
    /// A wildcard's name begins with its dot.
    known: HashMap<String, Arc<CertifiedKey>>,
    first: Option<Arc<CertifiedKey>>,
}

impl ByName {
    fn add(&mut self, key: &Arc<CertifiedKey>, names: Vec<String>) {
        self.first.get_or_insert_with(|| Arc::clone(key));
        for name in names {
            let name = name.strip_prefix('*').map(str::to_owned).unwrap_or(name);
            self.known.entry(name).or_insert_with(|| Arc::clone(key));
        }
    }

    /// The exact name's, else the wildcard's that stands for its first label, else the first.
    fn find(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let found = name.and_then(|name| {
            let name = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                true => Cow::Owned(name.to_ascii_lowercase()),
                false => Cow::Borrowed(name),
            };
            let parent = name.find('.').and_then(|dot| name.get(dot..));
            self.known.get(&*name).or_else(|| self.known.get(parent?))
        });
        found.or(self.first.as_ref())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name()).cloned()
    }
}
