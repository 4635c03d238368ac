use std::cell::{Cell, RefCell};
use std::future::pending;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use tokio::io::AsyncWriteExt as _;
use tokio::io::unix::AsyncFd;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::client::Client;
use super::transport::Transport;
use crate::socket::{Idle, Stream};

/// Connections that are woken at most before others have their turn.
const MOST: usize = 64;

/// The connections of a worker that have idled for a while.
///
/// Of each a socket and a few words are kept: no task, no timer, no buffer, and no place in the runtime, which hears only
/// that there is something to be read from some of them.
pub(super) struct Rest {
    /// Whether `poll` has something to tell.
    stirred: AsyncFd<OwnedFd>,
    poll: RefCell<(Poll, Events)>,
    asleep: RefCell<Slab<Sleeper>>,
    /// How often the memory is still to be looked through that the last ones gave up.
    untidy: Cell<u8>,
}

/// A connection of HTTP/1 between two requests.
pub(super) struct Sleeper {
    socket: Socket,
    pub(super) client: Rc<Client>,
    /// Requests that it has served.
    pub(super) served: u32,
    until: Instant,
}

enum Socket {
    Clear(Idle),
    /// The runtime goes on watching this one: it cannot be taken from what is made over it.
    Tls(Box<TlsStream<Stream>>),
}

impl Rest {
    /// None yet.
    ///
    /// # Errors
    /// Where no more files may be open.
    pub(super) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let watched = poll.registry().as_fd().try_clone_to_owned()?;
        // SAFETY: an `OwnedFd` is open for as long as it is, and is always the same file.
        #[expect(unsafe_code, reason = "the runtime watches nothing but sockets otherwise")]
        let stirred = unsafe { AsyncFd::register(watched) }?;
        let poll = RefCell::new((poll, Events::with_capacity(MOST)));
        Ok(Self { stirred, poll, asleep: RefCell::default(), untidy: Cell::default() })
    }

    /// Lets a connection rest that has just found nothing to be read, and has idled since then.
    ///
    /// # Errors
    /// Where the system cannot watch it. It is closed then.
    pub(super) fn lay(
        &self,
        transport: Transport,
        client: Rc<Client>,
        (served, since): (u32, Instant),
    ) -> io::Result<()> {
        let socket = Socket::of(transport)?;
        let until = since + client.settings.patience.idle;
        let mut asleep = self.asleep.borrow_mut();
        let place = asleep.vacant_entry();
        let (poll, _) = &*self.poll.borrow();
        poll.registry().register(&mut SourceFd(&socket.fd()), Token(place.key()), Interest::READABLE)?;
        place.insert(Sleeper { socket, client, served, until });
        // What was freed within the last second is kept for a while: the second look finds the last of it.
        self.untidy.set(2);
        Ok(())
    }

    /// Waits for some that must be read from: bytes have come, the end, an error.
    pub(super) async fn stirred(&self) -> Vec<Sleeper> {
        let mut stirred = Vec::new();
        while stirred.is_empty() {
            // Without a runtime nobody waits.
            let Ok(mut ready) = self.stirred.readable().await else { return pending().await };
            if !self.take(&mut stirred) {
                // Whatever happens from here on is told anew.
                ready.clear_ready();
            }
        }
        stirred
    }

    /// Ends all whose listener has gone, but for those that must be read from first.
    pub(super) fn part(&self) -> Vec<Sleeper> {
        self.end(|sleeper| sleeper.client.parts())
    }

    /// Ends all that have idled for too long, but for those that must be read from first, and gives back what they needed.
    pub(super) fn sweep(&self) -> Vec<Sleeper> {
        let now = Instant::now();
        let stirred = self.end(|sleeper| {
            let overdue = sleeper.until <= now;
            if overdue {
                debug!(client = %sleeper.client.ends.client, "connection closed: its client took too long");
            }
            overdue
        });
        let untidy = self.untidy.get();
        if untidy > 0 {
            self.untidy.set(untidy - 1);
            tidy_up();
        }
        stirred
    }

    /// A client that has sent something in time is heard, also where the worker finds it late.
    fn end(&self, is_over: impl Fn(&Sleeper) -> bool) -> Vec<Sleeper> {
        let mut stirred = Vec::new();
        while self.take(&mut stirred) {}
        let mut asleep = self.asleep.borrow_mut();
        asleep.retain(|_, sleeper| {
            let over = is_over(sleeper);
            if over {
                sleeper.socket.say_goodbye();
            }
            !over
        });
        if asleep.is_empty() {
            asleep.shrink_to_fit();
        }
        stirred
    }

    /// Takes some that must be read from; whether there may be more.
    fn take(&self, stirred: &mut Vec<Sleeper>) -> bool {
        let (poll, events) = &mut *self.poll.borrow_mut();
        if poll.poll(events, Some(Duration::ZERO)).is_err() {
            return false;
        }
        let mut asleep = self.asleep.borrow_mut();
        let taken = events.iter().filter_map(|event| asleep.try_remove(event.token().0));
        let unwatched = |sleeper: &Sleeper| {
            // It fails for what is not watched, and that is what it is for.
            let _ = poll.registry().deregister(&mut SourceFd(&sleeper.socket.fd()));
        };
        stirred.extend(taken.inspect(unwatched));
        events.iter().count() == MOST
    }
}

/// Gives memory that this thread has freed back to the system, which the allocator puts off until the thread needs some.
fn tidy_up() {
    // SAFETY: it is for any thread to call at any time.
    #[expect(unsafe_code, reason = "the allocator has no other interface")]
    unsafe {
        libmimalloc_sys::mi_collect(false);
    }
}

impl Sleeper {
    /// Its socket, to be read from.
    ///
    /// # Errors
    /// Where the runtime cannot watch it.
    pub(super) fn wake(self) -> io::Result<Transport> {
        match self.socket {
            Socket::Clear(idle) => Ok(Transport::Clear(idle.wake()?)),
            Socket::Tls(stream) => Ok(Transport::Tls(stream)),
        }
    }
}

impl Socket {
    fn of(transport: Transport) -> io::Result<Self> {
        match transport {
            Transport::Clear(stream) => stream.rest().map(Self::Clear),
            Transport::Tls(stream) => Ok(Self::Tls(stream)),
        }
    }

    fn fd(&self) -> RawFd {
        match self {
            Self::Clear(idle) => idle.as_fd().as_raw_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_fd().as_raw_fd(),
        }
    }

    /// TLS has a word for the end. There is always room for it: nothing else is on its way.
    fn say_goodbye(&mut self) {
        if let Self::Tls(stream) = self {
            let _ = stream.shutdown().now_or_never();
        }
    }
}
