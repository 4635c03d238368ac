use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::transport::Transport;

/// Frames that carry nothing which a client may send at once,
const BURST: f64 = 10_000.0;

/// and how many more each second,
const PER_SECOND: f64 = 1_000.0;

/// and for how many bytes that it gets it may send one more: who downloads sends WINDOW_UPDATE after WINDOW_UPDATE.
const BYTES_EACH: f64 = 256.0;

const FRAME_HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// A client's connection whose frames are counted: SETTINGS, PING, PRIORITY and the like cost the client nothing and
/// the gateway time (CVE-2019-9512, -9515). Frames of requests are `h2`'s and the peer's to bound.
pub(super) struct Watched {
    transport: Transport,
    /// What was read already and comes first.
    first: Bytes,
    frames: Frames,
    allowance: Allowance,
}

impl Watched {
    pub(super) fn new(transport: Transport, first: Bytes, preface: usize) -> Self {
        let frames = Frames { skip: preface, head: 0, kind: 0, length: 0 };
        let allowance = Allowance { left: BURST, since: Instant::now() };
        Self { transport, first, frames, allowance }
    }

    fn watch(&mut self, bytes: &[u8]) -> io::Result<()> {
        let idle = self.frames.count(bytes);
        match idle == 0 || self.allowance.spend(f64::from(idle), Instant::now) {
            true => Ok(()),
            false => Err(io::Error::other("too many frames that carry nothing")),
        }
    }
}

/// Where in which frame the connection is.
struct Frames {
    /// Bytes to come that are no frame's head.
    skip: usize,
    /// How much of a head has come: the length's three bytes, then the kind.
    head: usize,
    kind: u8,
    length: usize,
}

impl Frames {
    /// How many frames that are none of a request begin in `bytes`.
    fn count(&mut self, mut bytes: &[u8]) -> u32 {
        let mut idle = 0;
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((byte, rest)) = bytes.split_first() else { return idle };
            bytes = rest;
            match self.head {
                0..3 => self.length = self.length << 8 | usize::from(*byte),
                3 => self.kind = *byte,
                _ => {}
            }
            self.head += 1;
            if self.head == FRAME_HEAD {
                idle += u32::from(!matches!(self.kind, DATA | HEADERS | CONTINUATION));
                *self = Self { skip: self.length, head: 0, kind: 0, length: 0 };
            }
        }
    }
}

/// Frames that a client may still send.
struct Allowance {
    left: f64,
    since: Instant,
}

impl Allowance {
    /// Whether it may send that many. The clock is only looked at when they are used up.
    fn spend(&mut self, frames: f64, now: impl FnOnce() -> Instant) -> bool {
        if self.left < frames {
            let now = now();
            let passed = now.duration_since(self.since).as_secs_f64();
            self.since = now;
            self.left = (self.left + passed * PER_SECOND).min(BURST);
        }
        self.left -= frames;
        self.left >= 0.0
    }

    fn earn(&mut self, bytes: usize) {
        let earned = u32::try_from(bytes).map_or(BURST, f64::from) / BYTES_EACH;
        self.left = (self.left + earned).min(BURST);
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.first.is_empty() {
            ready!(Pin::new(&mut this.transport).poll_read(context, buffer))?;
        } else {
            let fits = this.first.len().min(buffer.remaining());
            buffer.put_slice(this.first.get(..fits).unwrap_or_default());
            this.first.advance(fits);
        }
        Poll::Ready(this.watch(buffer.filled().get(before..).unwrap_or_default()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.transport).poll_write(context, bytes))?;
        this.allowance.earn(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.transport).poll_write_vectored(context, slices))?;
        this.allowance.earn(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let head = [
            0,
            u8::try_from(length / 256).unwrap(),
            u8::try_from(length % 256).unwrap(),
            kind,
            0,
            0,
            0,
            0,
            0,
        ];
        [&head[..], &vec![4; length]].concat()
    }

    #[test]
    fn frames_are_counted_however_they_arrive() {
        const PING: u8 = 6;
        let bytes =
            [vec![4; 24], frame(4, 12), frame(HEADERS, 300), frame(PING, 8), frame(DATA, 0), frame(PING, 8)];
        let bytes = bytes.concat();
        for size in [1, 2, 9, 10, 1000] {
            let mut frames = Frames { skip: 24, head: 0, kind: 0, length: 0 };
            let idle: u32 = bytes.chunks(size).map(|piece| frames.count(piece)).sum();
            assert_eq!(idle, 3, "in pieces of {size}");
        }
    }

    #[test]
    fn who_sends_too_many_at_once_has_had_it_and_who_takes_time_has_not() {
        let now = Instant::now();
        let mut allowance = Allowance { left: BURST, since: now };
        assert!(allowance.spend(BURST, || now));
        assert!(!allowance.spend(1.0, || now));
        let mut allowance = Allowance { left: 0.0, since: now };
        assert!((1..1000).all(|n| allowance.spend(100.0, || now + Duration::from_millis(100) * n)));
        let mut allowance = Allowance { left: 0.0, since: now };
        allowance.earn(16 << 10);
        assert!(allowance.spend(64.0, || now) && !allowance.spend(1.0, || now));
    }
}
