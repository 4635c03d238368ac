use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use send_wrapper::SendWrapper;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A stream to an endpoint that can be looked at beside whoever reads and writes it. It stays with its worker; hyper wants
/// what may be upgraded to be `Send` all the same.
#[derive(Debug)]
pub(super) struct EndpointStream(SendWrapper<Rc<RefCell<TcpStream>>>);

/// Looks at a stream, which may have gone.
#[derive(Clone, Debug)]
pub(super) struct Look(Weak<RefCell<TcpStream>>);

impl EndpointStream {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(SendWrapper::new(Rc::new(RefCell::new(stream))))
    }

    pub(super) fn look(&self) -> Look {
        Look(Rc::downgrade(&self.0))
    }
}

impl Look {
    /// Whether the endpoint has neither closed the idle stream nor sent anything on it. It asks the kernel: the runtime
    /// hears of it only when it next waits for events.
    pub(super) fn is_quiet(&self) -> bool {
        let Some(stream) = self.0.upgrade() else { return false };
        let mut byte = [MaybeUninit::uninit()];
        let seen = SockRef::from(&*stream.borrow()).peek(&mut byte);
        seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

impl AsyncRead for EndpointStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_read(context, buffer)
    }
}

impl AsyncWrite for EndpointStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_write_vectored(context, slices)
    }
}
