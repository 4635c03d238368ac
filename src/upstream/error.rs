use std::io;
use std::time::Duration;

/// Why there is no connection to an endpoint. Nothing was sent, so the request may go elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Refused, unreachable, unknown host.
    #[error("cannot connect: {0}")]
    Io(#[source] io::Error),
    /// The gateway's own system has nothing left to connect with: no endpoint is to blame.
    #[error("cannot connect, the gateway is out of what that takes: {0}")]
    Scarce(#[source] io::Error),
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

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        if is_scarce(&error) { Self::Scarce(error) } else { Self::Io(error) }
    }
}

/// Whether it is file descriptors, memory for sockets or local ports that there are none left of.
pub(super) fn is_scarce(error: &io::Error) -> bool {
    let scarce = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRNOTAVAIL];
    error.raw_os_error().is_some_and(|code| scarce.contains(&code))
}

/// Why a connection does not bring a response, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The stream broke.
    #[error(transparent)]
    Stream(#[from] io::Error),
    /// The endpoint closed the connection and said nothing.
    #[error("the connection was closed before a response")]
    Closed,
    /// It did so in the middle of the response.
    #[error("the connection was closed before the end of the response")]
    Incomplete,
    /// The response's head, or its trailers, is not HTTP.
    #[error("not a response: {0}")]
    Head(httparse::Error),
    /// The response's head, or its trailers, is larger than the upstream takes.
    #[error("a head, or trailers, of more than `max_response_head` bytes or `max_response_headers` fields")]
    LargeHead,
    /// It could be read in more than one way where the response ends.
    #[error("{0}")]
    Doubtful(&'static str),
    /// The response's chunks are not what they should be.
    #[error("{0}")]
    Chunk(&'static str),
    /// The request's body broke off.
    #[error(transparent)]
    Request(Box<dyn std::error::Error + Send + Sync>),
    /// Over HTTP/2, any of these.
    #[error(transparent)]
    Http2(hyper::Error),
}
