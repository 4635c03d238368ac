use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_local;

use super::greeting::{Greeted, Greeting};
use super::proxy_header::Origin;

/// Exchanges that share a connection at most, whatever the endpoint would allow.
const MAX_STREAMS: usize = 100;

/// Bytes of a response that may be on their way and not yet passed on: of one exchange,
const STREAM_WINDOW: u32 = 128 << 10;

/// and of all of a connection. With less, a few clients that read slowly would keep all others waiting.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * 100;

/// Bytes of a request that may wait for the endpoint.
const SEND_BUFFER: usize = 64 << 10;

/// How often an endpoint is asked whether it is still there while exchanges wait for it,
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// and how long it may take to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The connections to one endpoint that exchanges share.
pub(super) struct Multiplexed<B> {
    connections: RefCell<Vec<Rc<Shared<B>>>>,
    /// Connections are made one after another: each has room for all who wait for it.
    turn: Semaphore,
}

/// A connection with many exchanges at a time.
struct Shared<B> {
    sender: SendRequest<B>,
    open: Cell<usize>,
    /// How many the endpoint allows; the connection's task keeps it up to date.
    allowed: Rc<Cell<usize>>,
    /// What it said first.
    greeting: Rc<Greeting>,
    /// When an exchange last ended.
    since: Cell<Instant>,
    /// Whom it was made for, where the endpoint has been told.
    origin: Option<Rc<Origin>>,
}

/// One exchange's place on a connection.
pub(super) struct Place<B> {
    pub(super) sender: SendRequest<B>,
    shared: Rc<Shared<B>>,
}

impl<B> Default for Multiplexed<B> {
    fn default() -> Self {
        Self { connections: RefCell::default(), turn: Semaphore::new(1) }
    }
}

impl<B> Multiplexed<B> {
    /// A place on a connection that works, was made for this client, and has room.
    pub(super) fn place(&self, origin: Option<&Origin>) -> Option<Place<B>> {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|shared| !shared.sender.is_closed());
        connections
            .iter()
            .find(|shared| shared.origin.as_deref() == origin && shared.has_room())
            .map(Place::on)
    }

    /// Comes back when nobody else makes a connection.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turn.acquire().await.ok()
    }

    /// Closes what has been unused for too long.
    pub(super) fn sweep(&self, limit: Duration) {
        self.connections.borrow_mut().retain(|shared| {
            !shared.sender.is_closed() && (shared.open.get() > 0 || shared.since.get().elapsed() < limit)
        });
    }

    /// Closes those that have been unused for the longest, until there is room for one more of `most`. Of connections that
    /// serve one client each, theirs are the most likely to have gone.
    pub(super) fn make_room(&self, most: usize) {
        let mut connections = self.connections.borrow_mut();
        let unused = |shared: &Shared<B>| shared.open.get() == 0;
        let surplus = (connections.iter().filter(|shared| unused(shared)).count() + 1).saturating_sub(most);
        for _ in 0..surplus {
            let places = connections.iter().enumerate().filter(|(_, shared)| unused(shared));
            let Some((oldest, _)) = places.min_by_key(|(_, shared)| shared.since.get()) else { return };
            connections.remove(oldest);
        }
    }

    /// How many connections are unused.
    pub(super) fn idle(&self) -> usize {
        self.connections.borrow().iter().filter(|shared| shared.open.get() == 0).count()
    }
}

impl<B> Multiplexed<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Speaks HTTP/2 on a new connection from now on. Returns a place on it.
    pub(super) async fn open(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        max_head: u32,
        origin: Option<Rc<Origin>>,
    ) -> hyper::Result<Place<B>> {
        let greeting = Rc::new(Greeting::default());
        let stream = Greeted::new(stream, Rc::clone(&greeting));
        let (sender, mut connection) = protocol(max_head).handshake(TokioIo::new(stream)).await?;
        let allowed = Rc::new(Cell::new(MAX_STREAMS));
        let told = Rc::clone(&allowed);
        // Whoever waits for a response hears of errors from the sender; here there is nobody to tell.
        spawn_local(async move {
            poll_fn(|context| {
                let ended = Pin::new(&mut connection).poll(context);
                told.set(connection.current_max_send_streams().clamp(1, MAX_STREAMS));
                match ended {
                    Poll::Ready(_) => Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
        });
        let (open, since) = (Cell::new(0), Cell::new(Instant::now()));
        let shared = Shared { sender, open, allowed, greeting, since, origin };
        let shared = Rc::new(shared);
        let place = Place::on(&shared);
        self.connections.borrow_mut().push(shared);
        Ok(place)
    }
}

/// A head of twice the size that it may have is still read: so there is a response to be refused, with a reason. Of a
/// larger one the library only says that something is wrong.
fn protocol(max_head: u32) -> http2::Builder<Local> {
    let mut protocol = http2::Builder::new(Local);
    protocol
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(max_head.saturating_mul(2))
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    protocol
}

impl<B> Shared<B> {
    fn has_room(&self) -> bool {
        self.open.get() < self.allowed.get()
    }
}

impl<B> Place<B> {
    fn on(shared: &Rc<Shared<B>>) -> Self {
        shared.open.set(shared.open.get() + 1);
        Self { sender: shared.sender.clone(), shared: Rc::clone(shared) }
    }

    /// Whether the endpoint knows extended CONNECT. Waits for its settings.
    pub(super) async fn takes_connect(&self) -> bool {
        self.shared.greeting.takes_connect().await
    }
}

impl<B> Drop for Place<B> {
    fn drop(&mut self) {
        self.shared.open.set(self.shared.open.get().saturating_sub(1));
        self.shared.since.set(Instant::now());
    }
}

/// Spawns on the worker that it is used on.
#[derive(Clone, Copy, Debug)]
pub struct Local;

impl<F> Executor<F> for Local
where
    F: Future<Output: 'static> + 'static,
{
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
