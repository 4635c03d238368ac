use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;

use super::transport::Transport;
use crate::proxy::Activity;

/// A client's socket that tells its [`Activity`] when bytes come in: that is when a request begins.
pub(super) struct ClientStream {
    socket: TokioIo<Transport>,
    /// What was read already and comes first.
    first: Bytes,
    activity: Arc<Activity>,
}

impl ClientStream {
    pub(super) fn new(socket: Transport, first: Bytes, activity: Arc<Activity>) -> Self {
        Self { socket: TokioIo::new(socket), first, activity }
    }
}

impl Read for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        if !self.first.is_empty() {
            let fits = self.first.len().min(buffer.remaining());
            buffer.put_slice(self.first.get(..fits).unwrap_or_default());
            self.first.advance(fits);
            self.activity.received();
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        if read.is_ready() {
            self.activity.received();
        }
        read
    }
}

impl Write for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(context, slices)
    }
}
