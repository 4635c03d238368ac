//! The first that an endpoint says over HTTP/2 is its settings. The library keeps to itself when they have come, and an
//! extended CONNECT must wait for them.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

const FRAME_HEAD: usize = 9;
const SETTINGS: u8 = 4;

/// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, 3), and the value that says yes.
const CONNECT: [u8; 6] = [0, 8, 0, 0, 0, 1];

/// Bytes of settings that are looked at: some thousand of them. The library ends a connection whose frames are larger.
const MOST: usize = 16 << 10;

/// What an endpoint has said first.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// Whether it knows extended CONNECT; `None` until it has said anything.
    connect: Cell<Option<bool>>,
    told: Notify,
}

impl Greeting {
    /// Whether the endpoint knows extended CONNECT. Waits until it has said so, or something else.
    pub(super) async fn takes_connect(&self) -> bool {
        loop {
            let told = self.told.notified();
            match self.connect.get() {
                Some(takes) => return takes,
                None => told.await,
            }
        }
    }

    fn tell(&self, takes: bool) {
        self.connect.set(Some(takes));
        self.told.notify_waiters();
    }
}

/// A stream that HTTP/2 is spoken on, listened to until its first frame is there.
pub(super) struct Greeted<S> {
    stream: S,
    /// What has come of it; `None` afterwards.
    begun: Option<Vec<u8>>,
    greeting: Rc<Greeting>,
}

impl<S> Greeted<S> {
    pub(super) fn new(stream: S, greeting: Rc<Greeting>) -> Self {
        Self { stream, begun: Some(Vec::new()), greeting }
    }

    fn listen(&mut self, bytes: &[u8]) {
        let Some(begun) = &mut self.begun else { return };
        begun.extend_from_slice(bytes.get(..MOST.min(bytes.len())).unwrap_or_default());
        if let Some(takes) = announces_connect(begun) {
            self.greeting.tell(takes);
            self.begun = None;
        }
    }
}

/// Whether the first frame announces extended CONNECT; `None` where it is not all there.
fn announces_connect(bytes: &[u8]) -> Option<bool> {
    let (head, payload) = bytes.split_at_checked(FRAME_HEAD)?;
    let &[a, b, c, kind, ..] = head else { return None };
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    if kind != SETTINGS || length > MOST - FRAME_HEAD {
        return Some(false);
    }
    Some(payload.get(..length)?.chunks_exact(CONNECT.len()).any(|setting| setting == CONNECT))
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        if this.begun.is_some() {
            this.listen(buffer.filled().get(before..).unwrap_or_default());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, SETTINGS, 0, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn settings_say_it_once_they_are_whole() {
        let yes = settings(&[0, 3, 0, 0, 0, 100, 0, 8, 0, 0, 0, 1]);
        for length in 0..yes.len() {
            assert_eq!(announces_connect(&yes[..length]), None, "{length} bytes");
        }
        assert_eq!(announces_connect(&yes), Some(true));
        assert_eq!(announces_connect(&[&yes[..], b"and more"].concat()), Some(true));
        for no in [&[][..], &[0, 8, 0, 0, 0, 0], &[0, 3, 0, 8, 0, 0, 0, 1, 0, 0, 0, 1]] {
            assert_eq!(announces_connect(&settings(no)), Some(false), "{no:?}");
        }
        assert_eq!(announces_connect(b"HTTP/1.1 400 Bad Request"), Some(false));
        assert_eq!(announces_connect(&[255, 255, 255, SETTINGS, 0, 0, 0, 0, 0]), Some(false));
    }
}
