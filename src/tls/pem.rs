use std::fmt;
use std::path::{Path, PathBuf};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::RootCertStore;

use super::TlsError;

/// A PEM file with what was in it when it was read: two are the same if that is.
#[derive(Clone, PartialEq, Eq)]
pub struct Pem {
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Pem {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(file: &Path) -> Result<Self, TlsError> {
        match std::fs::read(file) {
            Ok(bytes) => Ok(Self { file: file.to_owned(), bytes }),
            Err(error) => Err(TlsError { file: file.to_owned(), why: format!("cannot read it: {error}") }),
        }
    }

    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates = CertificateDer::pem_slice_iter(&self.bytes).collect::<Result<Vec<_>, _>>();
        match certificates {
            Ok(none) if none.is_empty() => Err(self.error("no certificate in it (PEM, BEGIN CERTIFICATE)")),
            Ok(some) => Ok(some),
            Err(error) => Err(self.error(format!("damaged: {error}"))),
        }
    }

    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            rustls_pki_types::pem::Error::NoItemsFound => {
                self.error("no private key in it (PEM, BEGIN PRIVATE KEY; not encrypted)")
            }
            error => self.error(format!("damaged: {error}")),
        })
    }

    pub(super) fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in self.certificates()? {
            roots.add(certificate).map_err(|error| self.error(error.to_string()))?;
        }
        Ok(roots)
    }

    pub(super) fn error(&self, why: impl Into<String>) -> TlsError {
        TlsError { file: self.file.clone(), why: why.into() }
    }
}

/// What is in it may be secret.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pem").field(&self.file).finish()
    }
}
