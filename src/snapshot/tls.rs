use std::sync::Arc;

use tracing::warn;

use crate::config::{CertificateConfig, ListenerConfig, PoolConfig, Problems, Protocol, Span, Spanned};
use crate::tls::{
    Client, ClientAuth, ClientSettings, HTTP1, HTTP2, Identity, Pem, Server, ServerSettings, TlsError,
};

/// TLS of a listener, where it speaks it. What is the same as in `previous` is taken over, so that tickets stay good.
/// `None`, and a problem, where a file does not do.
pub fn server(
    config: &ListenerConfig,
    previous: Option<&Arc<Server>>,
    problems: &mut Problems,
) -> Option<Arc<Server>> {
    let tls = config.tls.as_ref()?;
    let name = &config.name.value;
    let files = || {
        let certificates = tls.certificates.iter().map(identity).collect::<Result<_, _>>()?;
        let ca = tls.client_ca.as_ref().map(|file| Pem::read(file)).transpose()?;
        let client_auth = ca.map(|ca| ClientAuth { ca, required: tls.client_required });
        Ok(ServerSettings { certificates, client_auth, http2: config.http2.is_some() })
    };
    let warning = |warning: TlsError| warn!(listener = name.as_str(), "{warning}");
    let built = files().and_then(|settings| match previous.filter(|known| *known.settings() == settings) {
        Some(known) => Ok(Arc::clone(known)),
        None => Server::build(settings, warning).map(Arc::new),
    });
    let places = tls.certificates.iter().flat_map(places).chain(&tls.client_ca);
    built
        .map_err(|error| refuse(problems, &format!("listener.{name}.tls"), config.name.span, places, &error))
        .ok()
}

/// TLS of an upstream, where its endpoints speak it.
pub(super) fn client(config: &PoolConfig, problems: &mut Problems) -> Option<Arc<Client>> {
    let tls = config.tls.as_ref()?;
    let offered: &[&[u8]] = match config.protocol {
        Protocol::Auto => &[HTTP2, HTTP1],
        Protocol::Http1 => &[HTTP1],
        Protocol::Http2 => &[HTTP2],
    };
    let files = || {
        Ok(ClientSettings {
            ca: tls.ca.as_ref().map(|file| Pem::read(file)).transpose()?,
            verify: tls.verify,
            server_name: tls.server_name.clone(),
            identity: tls.identity.as_ref().map(identity).transpose()?,
            protocols: offered.iter().map(|protocol| protocol.to_vec()).collect(),
        })
    };
    let places = tls.identity.iter().flat_map(places).chain(&tls.ca);
    let key = format!("upstream.{}.tls", config.name.value);
    let built = files().and_then(Client::build).map(Arc::new);
    built.map_err(|error| refuse(problems, &key, config.name.span, places, &error)).ok()
}

fn identity(config: &CertificateConfig) -> Result<Identity, TlsError> {
    Ok(Identity { certificate: Pem::read(&config.certificate)?, key: Pem::read(&config.key)? })
}

fn places(config: &CertificateConfig) -> [&Spanned<std::path::PathBuf>; 2] {
    [&config.certificate, &config.key]
}

/// Points at the file that does not do, where the configuration names it.
fn refuse<'a>(
    problems: &mut Problems,
    key: &str,
    otherwise: Span,
    mut places: impl Iterator<Item = &'a Spanned<std::path::PathBuf>>,
    error: &TlsError,
) {
    let span = places.find(|file| file.value == error.file).map_or(otherwise, |file| file.span);
    problems.add(span, key, error.to_string());
}
