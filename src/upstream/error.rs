use std::io;
use std::time::Duration;

/// Why there is no connection to an endpoint. Nothing was sent, so the request may go elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Refused, unreachable, unknown host.
    #[error("cannot connect: {0}")]
    Io(#[from] io::Error),
    /// Not within `connect_timeout`.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    /// The endpoint does not speak TLS, or is not who it must be.
    #[error("no TLS: {0}")]
    Tls(#[source] io::Error),
    /// The endpoint agreed on something else.
    #[error("the endpoint does not speak HTTP/2")]
    NotHttp2,
    /// The connection broke before it could be used.
    #[error("connection broke at once: {0}")]
    Handshake(#[source] hyper::Error),
}
