//! HTTP/2 with clients: by its preface, or by ALPN on TLS.

use std::pin::Pin;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connection::{Connection, Http2};
use super::streams::Streams;
use super::watched::Watched;
use crate::proxy::Body;

/// Streams that a client may open and reset before they are even looked at.
const MAX_RESET_UNSEEN: usize = 20;

/// Streams of a connection that may break for what the client did wrong.
const MAX_BROKEN: usize = 100;

/// Bytes of a response that may wait for the client, for each stream: what it does not read should stay with the upstream.
const SEND_BUFFER: usize = 64 << 10;

/// How often a client is asked whether it is still there,
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// and how long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The protocol as this gateway speaks it. What a client can make it keep is bounded by the sizes here; what it can make
/// it do is bounded by `h2` (resets, CONTINUATION and empty DATA frames end in ENHANCE_YOUR_CALM), by the peer, which counts
/// requests that are taken back, and by [`Watched`], which counts the frames of no request.
pub(super) fn protocol(settings: Http2, max_head: usize, streams: Streams) -> http2::Builder<Streams> {
    let mut protocol = http2::Builder::new(streams);
    protocol
        .max_concurrent_streams(settings.max_streams)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_header_list_size(u32::try_from(max_head).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(MAX_RESET_UNSEEN)
        .max_local_error_reset_streams(MAX_BROKEN)
        .max_send_buf_size(SEND_BUFFER)
        .enable_connect_protocol()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    protocol
}

impl<S> Connection for http2::Connection<TokioIo<Watched>, S, Streams>
where
    S: hyper::service::HttpService<Incoming, ResBody = Body>,
    S::Future: 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Clients are told which of their requests were not served.
    const PARTING: Duration = Duration::ZERO;

    const GOODBYE: Duration = Duration::from_secs(1);

    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}
