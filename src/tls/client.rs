use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WantsClientCert;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use super::identity::Identity;
use super::pem::Pem;
use super::{TlsError, provider};

/// How TLS is spoken with endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Who vouches for them; `None` for those whom the system trusts.
    pub ca: Option<Pem>,
    /// Whether they are asked who they are at all.
    pub verify: bool,
    /// Who they must be, where that is not the host of their URL.
    pub server_name: Option<ServerName<'static>>,
    /// Who we are, where they ask.
    pub identity: Option<Identity>,
    /// What is offered in ALPN, the best first.
    pub protocols: Vec<Vec<u8>>,
}

/// TLS with the endpoints of an upstream.
pub struct Client {
    settings: ClientSettings,
    connector: TlsConnector,
}

impl Client {
    /// Makes it ready.
    ///
    /// # Errors
    /// The first file that does not do.
    pub fn build(settings: ClientSettings) -> Result<Self, TlsError> {
        let broken = |error: Error| TlsError { file: "TLS".into(), why: error.to_string() };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(broken)?;
        let builder: ConfigBuilder<ClientConfig, WantsClientCert> = match settings.verify {
            true => builder.with_root_certificates(roots(settings.ca.as_ref())?),
            false => builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider()))),
        };
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                // Finds out first, and says better, what is wrong with it.
                identity.load()?;
                let (chain, key) = (identity.certificate.certificates()?, identity.key.key()?);
                builder.with_client_auth_cert(chain, key).map_err(broken)?
            }
        };
        config.alpn_protocols.clone_from(&settings.protocols);
        Ok(Self { settings, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// Does the handshake with an endpoint whose URL has this host.
    ///
    /// # Errors
    /// Where the connection breaks, or the endpoint is not who it must be.
    pub async fn connect<S>(&self, host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.connector.connect(self.server_name(host)?, stream).await
    }

    /// The same, with nothing else on offer than this protocol.
    ///
    /// # Errors
    /// The same.
    pub async fn connect_for<S>(&self, protocol: &[u8], host: &str, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let connector = self.connector.with_alpn(vec![protocol.to_vec()]);
        connector.connect(self.server_name(host)?, stream).await
    }

    fn server_name(&self, host: &str) -> io::Result<ServerName<'static>> {
        match &self.settings.server_name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host.to_owned()).map_err(io::Error::other),
        }
    }
}

/// Two are the same if they were made from the same.
impl PartialEq for Client {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Client {}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn roots(ca: Option<&Pem>) -> Result<RootCertStore, TlsError> {
    if let Some(ca) = ca {
        return ca.roots();
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let file = PathBuf::from("the system's certificates");
        return Err(TlsError { file, why: "there are none; name those to trust in `tls.ca`".into() });
    }
    Ok(roots)
}

/// Takes everybody's word: `verify = false`. That the other side has the key to its certificate is still seen to.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
