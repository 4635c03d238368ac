use std::io::ErrorKind;
use std::mem::MaybeUninit;

use socket2::SockRef;
use tokio_rustls::client::TlsStream;

use crate::socket::{self, MaybeTls};

/// A stream to an endpoint.
pub(super) type Stream = MaybeTls<TlsStream<socket::Stream>>;

impl Stream {
    /// Whether the endpoint has neither closed the idle stream nor sent anything on it. It asks the kernel: the runtime
    /// hears of it only when it next waits for events.
    pub(super) fn is_quiet(&self) -> bool {
        let stream = match self {
            Self::Clear(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        let mut byte = [MaybeUninit::uninit()];
        let seen = SockRef::from(stream).peek(&mut byte);
        seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}
