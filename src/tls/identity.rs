use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error, InconsistentKeys};

use super::der::{self, Certificate, Name};
use super::pem::Pem;
use super::{TlsError, provider};

/// A certificate, those that vouch for it, and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain, its own certificate first.
    pub certificate: Pem,
    /// The key.
    pub key: Pem,
}

/// An [`Identity`] that was found to be whole.
pub(super) struct Loaded {
    pub(super) key: Arc<CertifiedKey>,
    /// The DNS names that it is for, in lower case; `*.` begins a wildcard.
    pub(super) names: Vec<String>,
    /// What is wrong with it and does not keep it from being used.
    pub(super) warning: Option<TlsError>,
}

impl Identity {
    pub(super) fn load(&self) -> Result<Loaded, TlsError> {
        let chain = self.certificate.certificates()?;
        let leaf = chain.first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()));
        let key = provider().key_provider.load_private_key(self.key.key()?);
        let key = CertifiedKey::new(chain, key.map_err(|error| self.key.error(error.to_string()))?);
        match key.keys_match() {
            Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(Error::InconsistentKeys(_)) => {
                return Err(self.key.error("the key does not belong to the certificate"));
            }
            Err(error) => return Err(self.certificate.error(error.to_string())),
        }
        let Some(parsed) = Certificate::parse(&leaf) else {
            return Err(self.certificate.error("the certificate cannot be read"));
        };
        let warning = self.warning(&parsed);
        let names = parsed.names.into_iter().filter_map(|name| match name {
            Name::Dns(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        });
        Ok(Loaded { key: Arc::new(key), names: names.collect(), warning })
    }

    fn warning(&self, certificate: &Certificate) -> Option<TlsError> {
        let now = der::now();
        if certificate.not_after < now {
            Some(self.certificate.error(format!("the certificate expired at {} UTC", certificate.not_after)))
        } else if certificate.not_before > now {
            let why = format!("the certificate is not valid before {} UTC", certificate.not_before);
            Some(self.certificate.error(why))
        } else {
            None
        }
    }
}
