use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::guard::{Admitted, Guard, HeadLimits, Turns};
use super::transport::Transport;

/// How long a client that has ended its side may wait for more of a response. It may only have finished sending, or it
/// may be gone: TCP does not tell, and who is gone should not keep an upstream at work.
const GRACE: Duration = Duration::from_secs(1);

/// How long what a client still sends is read and thrown away after the last response. Closed at once, its system would
/// throw away the response for the bytes that nobody wanted.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes that may come in before it is known what protocol they are of.
const MOST_UNDECIDED: usize = 64 << 10;

/// Bytes that are thrown away at most, each time that something comes in.
const SCRAP: usize = 16 << 10;

/// A client's socket. What comes in passes the [`Guard`] first, and tells the connection's
/// [`Activity`](crate::proxy::Activity): that is when a request begins.
pub(super) struct ClientStream {
    socket: Transport,
    guard: Guard,
    turns: Arc<Turns>,
    /// The beginning of a head whose end has not come in yet.
    held: Vec<u8>,
    /// What was let through and has not been fetched yet, from this place on.
    ready: (Vec<u8>, usize),
    /// What comes before the response and has not been written yet, from this place on.
    interim: (Vec<u8>, usize),
    /// Where the client's body is no body any more.
    broken: Option<&'static str>,
    ending: Ending,
}

/// How far the connection is on its way to its end.
#[derive(Default)]
enum Ending {
    #[default]
    Open,
    /// The client has ended its side. Whether something was written since the timer was set.
    HalfClosed(Pin<Box<Sleep>>, bool),
    /// Both sides have been told.
    Lingering(Pin<Box<Sleep>>),
}

impl ClientStream {
    /// `first` is what was read already.
    pub(super) fn new(socket: Transport, first: &[u8], limits: HeadLimits, turns: Arc<Turns>) -> Self {
        let mut stream = Self {
            socket,
            guard: Guard::new(limits),
            turns,
            held: Vec::new(),
            ready: (Vec::new(), 0),
            interim: (Vec::new(), 0),
            broken: None,
            ending: Ending::Open,
        };
        if !first.is_empty() {
            stream.turns.activity.received();
            stream.take_held(first.to_vec());
        }
        stream
    }

    /// What hyper gets of bytes that came in: how many of these, before what is then ready.
    fn take(&mut self, bytes: &[u8]) -> usize {
        self.turns.activity.received();
        if self.held.is_empty() {
            let (passed, rest) = self.judge(bytes);
            self.held.extend_from_slice(rest);
            return passed;
        }
        let mut held = std::mem::take(&mut self.held);
        held.extend_from_slice(bytes);
        self.take_held(held);
        0
    }

    fn take_held(&mut self, mut held: Vec<u8>) {
        let (passed, rest) = self.judge(&held);
        if passed == 0 {
            if !rest.is_empty() {
                self.held = held;
            }
            return;
        }
        self.held = rest.to_vec();
        held.truncate(passed);
        held.append(&mut self.ready.0);
        self.ready.0 = held;
    }

    /// How many of these bytes go on, before what is then ready; and which are to be held.
    fn judge<'a>(&mut self, bytes: &'a [u8]) -> (usize, &'a [u8]) {
        match self.guard.admit(bytes, &self.turns) {
            Admitted::Bytes(passed) => (passed, bytes.get(passed..).unwrap_or_default()),
            Admitted::Refused(passed, stand_in) => {
                self.ready = (stand_in, 0);
                (passed, &[])
            }
            Admitted::Broken(passed, reason) => {
                self.broken = Some(reason);
                (passed, &[])
            }
        }
    }

    /// The socket, where nothing that came in is left here.
    pub(super) fn into_idle(self) -> Option<Transport> {
        (self.held.is_empty() && !self.has_ready()).then_some(self.socket)
    }

    fn has_ready(&self) -> bool {
        self.ready.1 < self.ready.0.len()
    }

    /// Gives out what is ready.
    fn give(&mut self, buffer: &mut ReadBufCursor<'_>) {
        let (ready, from) = &mut self.ready;
        let rest = ready.get(*from..).unwrap_or_default();
        let (now, _) = rest.split_at(rest.len().min(buffer.remaining()));
        buffer.put_slice(now);
        *from += now.len();
        if *from == ready.len() {
            self.ready = (Vec::new(), 0);
        }
    }
}

impl ClientStream {
    /// Reads from the socket into hyper's buffer: how many bytes came in, and how many of them hyper gets.
    fn fill(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBufCursor<'_>,
    ) -> Poll<io::Result<(usize, usize)>> {
        // SAFETY: nothing is written to these bytes but by the socket, which initialises what it fills.
        #[expect(unsafe_code, reason = "what comes in is looked at where it is to go, not copied there")]
        let mut space = ReadBuf::uninit(unsafe { buffer.as_mut() });
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut space))?;
        let bytes = space.filled();
        let count = bytes.len();
        let passed = if count == 0 { 0 } else { self.take(bytes) };
        // SAFETY: the socket has filled `count` bytes, and `passed` is not more.
        #[expect(unsafe_code, reason = "as above")]
        unsafe {
            buffer.advance(passed);
        }
        Poll::Ready(Ok((count, passed)))
    }

    /// Reads what nobody wants; ready at the end of the stream.
    fn scrap(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut scrap = [std::mem::MaybeUninit::uninit(); SCRAP];
        loop {
            let mut space = ReadBuf::uninit(&mut scrap);
            match ready!(Pin::new(&mut self.socket).poll_read(context, &mut space)) {
                Ok(()) if !space.filled().is_empty() => {}
                _ => return Poll::Ready(()),
            }
        }
    }

    /// The client has ended its side: ready when that is the end.
    fn half_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.guard.in_body() || self.guard.is_through() || self.guard.is_answered(&self.turns) {
            return Poll::Ready(());
        }
        if let Ending::Open = self.ending {
            self.ending = Ending::HalfClosed(Box::pin(sleep(GRACE)), false);
        }
        let Ending::HalfClosed(timer, wrote) = &mut self.ending else { return Poll::Ready(()) };
        loop {
            ready!(timer.as_mut().poll(context));
            if !std::mem::take(wrote) {
                return Poll::Ready(());
            }
            timer.as_mut().reset(Instant::now() + GRACE);
        }
    }
}

impl Read for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.has_ready() {
                this.give(&mut buffer);
                return Poll::Ready(Ok(()));
            }
            if let Some(reason) = this.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, reason)));
            }
            if let Ending::HalfClosed(..) = this.ending {
                return this.half_closed(context).map(Ok);
            }
            if this.guard.has_ended() {
                // The answer is on its way. Its end must not look like the client's.
                ready!(this.scrap(context));
                return this.half_closed(context).map(Ok);
            }
            if this.guard.decide(&this.turns) {
                let held = std::mem::take(&mut this.held);
                this.take_held(held);
                continue;
            }
            if this.guard.is_undecided() && this.held.len() >= MOST_UNDECIDED {
                // Whoever decides wakes the connection.
                return Poll::Pending;
            }
            if this.turns.is_late() {
                let Some(stand_in) = this.guard.give_up(&this.held, &this.turns) else {
                    return Poll::Ready(Ok(()));
                };
                this.held = Vec::new();
                this.ready = (stand_in, 0);
                continue;
            }
            if !this.held.is_empty() {
                // They may have come in while an exchange was open: now they are the next request's.
                this.turns.activity.received();
            }
            match ready!(this.fill(context, &mut buffer))? {
                (0, _) => return this.half_closed(context).map(Ok),
                (_, 0) => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl ClientStream {
    /// Goes on writing an interim response.
    fn write_interim(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.interim.0.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let (head, from) = &mut self.interim;
        while let Some(rest) = head.get(*from..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.socket).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *from += count,
            }
        }
        self.interim = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// Before hyper writes.
    fn make_way(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Ending::HalfClosed(_, wrote) = &mut self.ending {
            *wrote = true;
        }
        if self.turns.interim.any() {
            // Too late: this is the response, or still the one before.
            drop(self.turns.interim.take());
        }
        self.write_interim(context)
    }
}

impl Write for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match self.make_way(context)? {
            Poll::Ready(()) => Pin::new(&mut self.socket).poll_write(context, bytes),
            Poll::Pending => Poll::Pending,
        };
        self.turns.stall.note(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when nothing of its own is left to write.
        if let Some(head) = self.turns.interim.take() {
            self.interim.0.extend(head);
        }
        let flushed = match self.write_interim(context)? {
            Poll::Ready(()) => Pin::new(&mut self.socket).poll_flush(context),
            Poll::Pending => Poll::Pending,
        };
        self.turns.stall.note(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.turns.close();
        if let Ending::Open = this.ending {
            let lingers = this.guard.leaves_unread();
            // Where nothing follows, the socket is closed at once, which says the same to the client.
            if lingers || this.guard.is_through() || matches!(this.socket, Transport::Tls(_)) {
                ready!(Pin::new(&mut this.socket).poll_shutdown(context))?;
            }
            if lingers {
                this.ending = Ending::Lingering(Box::pin(sleep(LINGER)));
            }
        }
        match &mut this.ending {
            Ending::Open => Poll::Ready(Ok(())),
            Ending::HalfClosed(..) => Pin::new(&mut this.socket).poll_shutdown(context),
            Ending::Lingering(timer) => match timer.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Ok(())),
                Poll::Pending => this.scrap(context).map(Ok),
            },
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = match self.make_way(context)? {
            Poll::Ready(()) => Pin::new(&mut self.socket).poll_write_vectored(context, slices),
            Poll::Pending => Poll::Pending,
        };
        self.turns.stall.note(written.is_pending());
        written
    }
}
