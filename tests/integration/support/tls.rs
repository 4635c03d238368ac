use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{
    ClientConfig, ProtocolVersion, RootCertStore, ServerConfig, SupportedProtocolVersion,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Somebody who issues certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for these names.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.issue_until(names, 2099)
    }

    /// One that was good until the beginning of a year.
    pub(crate) fn issue_until(&self, names: &[&str], year: i32) -> Issued {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, names.first().cloned().unwrap_or_default());
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

impl Issued {
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }
}

/// A client's half of TLS: whoever connects to its address speaks through TLS with the gateway.
pub(crate) struct Secure {
    config: ClientConfig,
}

/// How a handshake went.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) version: ProtocolVersion,
    pub(crate) resumed: bool,
}

impl Secure {
    /// A client that trusts this authority.
    pub(crate) fn trusting(authority: &Authority) -> Self {
        Self::with(
            authority,
            None,
            &[&tokio_rustls::rustls::version::TLS13, &tokio_rustls::rustls::version::TLS12],
        )
    }

    /// One that has a certificate itself.
    pub(crate) fn known_as(authority: &Authority, identity: &Issued) -> Self {
        Self::with(authority, Some(identity), tokio_rustls::rustls::ALL_VERSIONS)
    }

    pub(crate) fn with(
        authority: &Authority,
        identity: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(authority.roots());
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_auth_cert(vec![identity.der()], identity.key()).unwrap(),
        };
        Self { config }
    }

    pub(crate) fn offering(mut self, protocols: &[&[u8]]) -> Self {
        self.config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        self
    }

    /// An address where connections come out at the gateway, through TLS and under this name; and how each handshake
    /// went. One that fails closes the connection.
    pub(crate) fn to(
        &self,
        gateway: SocketAddr,
        name: &str,
    ) -> (SocketAddr, Receiver<Result<Agreed, String>>) {
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let (told, hears) = mpsc::channel();
        let address = relay(move |mut plain| {
            let (connector, name, told) = (connector.clone(), name.clone(), told.clone());
            async move {
                let socket = TcpStream::connect(gateway).await.unwrap();
                match connector.connect(name, socket).await {
                    Ok(mut stream) => {
                        let connection = stream.get_ref().1;
                        let agreed = Agreed {
                            certificate: connection.peer_certificates().unwrap()[0].clone().into_owned(),
                            protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
                            version: connection.protocol_version().unwrap(),
                            resumed: connection.handshake_kind()
                                == Some(tokio_rustls::rustls::HandshakeKind::Resumed),
                        };
                        let _ = told.send(Ok(agreed));
                        let _ = copy_bidirectional(&mut plain, &mut stream).await;
                    }
                    Err(error) => drop(told.send(Err(error.to_string()))),
                }
            }
        });
        (address, hears)
    }
}

/// The name that was asked for, and the protocol that was agreed on.
pub(crate) type Asked = (Option<String>, Option<Vec<u8>>);

/// A server's half of TLS in front of a backend.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Asked>>>,
}

impl Front {
    /// Requests come out at `backend`. `clients` vouches for those who are to have a certificate.
    pub(crate) fn of(
        backend: SocketAddr,
        issued: &Issued,
        clients: Option<&Authority>,
        protocols: &[&[u8]],
    ) -> Self {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let roots = Arc::new(authority.roots());
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(vec![issued.der()], issued.key()).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        let address = relay(move |socket| {
            let (acceptor, sees) = (acceptor.clone(), Arc::clone(&sees));
            async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let connection = stream.get_ref().1;
                let protocol = connection.alpn_protocol().map(<[u8]>::to_vec);
                sees.lock().unwrap().push((connection.server_name().map(str::to_owned), protocol));
                let mut plain = TcpStream::connect(backend).await.unwrap();
                let _ = copy_bidirectional(&mut stream, &mut plain).await;
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

/// Serves each connection to the address that is returned, on a thread that ends with the test.
fn relay<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket));
            }
        });
    });
    address
}
