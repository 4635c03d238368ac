use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{SockRef, Socket};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::LocalRuntime;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;
use tracing::warn;

use super::client::{Client, Ends};
use super::connection::{self, Shared};
use super::crowd::Crowd;
use super::listener::{Bound, Listener};
use super::rest::{Rest, Sleeper};
use super::scarcity::Scarcity;
use super::tally::Tally;
use crate::exchange::NOWHERE;
use crate::metrics::Registry;
use crate::plugin::Engine;
use crate::proxy::{Proxy, Ticks};
use crate::snapshot::Current;
use crate::socket::{Address, Stream};

/// How often idle connections and plugin instances are looked through.
const SWEEP: Duration = Duration::from_secs(2);

/// Who comes in by a Unix socket: a process of this machine, unless it says on whose behalf it comes.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Polls between two looks at the sockets. A few slow guests on a worker must not keep its other connections waiting.
const EVENT_INTERVAL: u32 = 31;

/// Threads of a worker that may wait for a disk: reads of files beyond that wait for one of them.
const READERS: usize = 32;

/// What a worker is told to listen on from now on: all of it, each with its socket where it is new.
type Listeners = Vec<(Listener, Option<(Socket, Arc<Crowd>)>)>;

/// What a worker makes its proxy from.
type Ingredients = (Engine, Arc<Current>, Arc<Registry>);

/// A thread that serves connections.
#[derive(Debug)]
pub struct Worker {
    orders: mpsc::UnboundedSender<Listeners>,
    thread: JoinHandle<()>,
}

/// All of them.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    open: watch::Receiver<()>,
}

impl Workers {
    /// Starts `count` workers, which listen on nothing yet.
    ///
    /// # Errors
    /// Where a thread or its runtime cannot be had.
    pub fn start(
        count: usize,
        engine: &Engine,
        current: &Arc<Current>,
        registry: &Arc<Registry>,
    ) -> io::Result<Self> {
        let (held, open) = watch::channel(());
        let held = Arc::new(held);
        let workers = (0..count)
            .map(|number| {
                let proxy = (engine.clone(), Arc::clone(current), Arc::clone(registry));
                Worker::start(number, proxy, Arc::clone(&held))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { workers, open })
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Listens on exactly these from now on. Connections of listeners that go are closed when they become idle.
    pub fn listen(&self, kept: &[Listener], new: Vec<Bound>) {
        let mut orders: Vec<Listeners> = self
            .workers
            .iter()
            .map(|_| kept.iter().map(|listener| (listener.clone(), None)).collect())
            .collect();
        for Bound { listener, sockets, crowd, .. } in new {
            // There may be more sockets than workers where the process before this one had more.
            for (place, socket) in sockets.into_iter().enumerate() {
                if let Some(order) = orders.get_mut(place % self.workers.len().max(1)) {
                    order.push((listener.clone(), Some((socket, Arc::clone(&crowd)))));
                }
            }
        }
        for (worker, order) in self.workers.iter().zip(orders) {
            // A worker only ends when its orders do.
            let _ = worker.orders.send(order);
        }
    }

    /// Stops accepting and waits until the last connection has ended.
    pub async fn drain(mut self) {
        for worker in self.workers {
            drop(worker.orders);
        }
        // Every worker holds the sender until it has ended.
        while self.open.changed().await.is_ok() {}
    }
}

impl Worker {
    fn start(number: usize, proxy: Ingredients, held: Arc<watch::Sender<()>>) -> io::Result<Self> {
        let (orders, received) = mpsc::unbounded_channel();
        let runtime = move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .event_interval(EVENT_INTERVAL)
                .max_blocking_threads(READERS)
                .build_local(tokio::runtime::LocalOptions::default())
        };
        let run = move || match runtime() {
            Ok(runtime) => serve(&runtime, number, proxy, received, held),
            Err(error) => tracing::error!(worker = number, "cannot start: {error}"),
        };
        let thread = thread::Builder::new().name(format!("worker-{number}")).spawn(run)?;
        Ok(Self { orders, thread })
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }
}

fn serve(
    runtime: &LocalRuntime,
    number: usize,
    (engine, current, registry): Ingredients,
    mut orders: mpsc::UnboundedReceiver<Listeners>,
    held: Arc<watch::Sender<()>>,
) {
    runtime.block_on(async {
        let mut swapped = current.subscribe();
        let rest = match Rest::new() {
            Ok(rest) => Rc::new(rest),
            Err(error) => return tracing::error!(worker = number, "cannot start: {error}"),
        };
        let proxy = Rc::new(Proxy::new(engine, current, registry));
        let shared = Shared { proxy: Rc::clone(&proxy), rest };
        // Once for the whole gateway: what is called periodically has one instance.
        let mut ticks = (number == 0).then(|| Ticks::new(Rc::clone(&proxy)));
        ticks.iter_mut().for_each(Ticks::follow);
        let (open, mut ended) = mpsc::channel(1);
        let mut listeners = Vec::new();
        let mut sweep = tokio::time::interval(SWEEP);
        let mut tending = pin!(tend(&shared));
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => listeners = listen(listeners, order, &shared, &open),
                    None => break,
                },
                Ok(()) = swapped.changed() => {
                    // A worker without traffic lets go of the old snapshot too.
                    drop(proxy.view());
                    ticks.iter_mut().for_each(Ticks::follow);
                }
                _ = sweep.tick() => proxy.view().sweep(),
                () = &mut tending => {}
            }
        }
        drop((listeners, open));
        // Comes back when every connection, and every tunnel, has dropped its sender.
        tokio::select! {
            _ = ended.recv() => {}
            // Those that rest are tended until then: an accept may wait for the place of one.
            () = &mut tending => {}
        }
        // Up to here they may have kept up what the last exchanges need.
        drop(ticks);
    });
    drop(held);
}

/// A listener that is being accepted on. Dropping it ends the accepting and tells its connections.
struct Accepting(watch::Sender<Rc<Listener>>);

fn listen(
    mut old: Vec<Accepting>,
    wanted: Listeners,
    shared: &Shared,
    open: &mpsc::Sender<()>,
) -> Vec<Accepting> {
    let mut listening = Vec::with_capacity(wanted.len());
    for (listener, socket) in wanted {
        for accepting in old.extract_if(.., |known| known.0.borrow().same_socket(&listener)) {
            accepting.0.send_replace(Rc::new(listener.clone()));
            listening.push(accepting);
        }
        if let Some((socket, crowd)) = socket {
            listening.extend(accept_on(listener, socket, crowd, shared, open));
        }
    }
    listening
}

fn accept_on(
    listener: Listener,
    socket: Socket,
    crowd: Arc<Crowd>,
    shared: &Shared,
    open: &mpsc::Sender<()>,
) -> Option<Accepting> {
    let socket = Listening::on(socket)
        .inspect_err(|error| warn!(listener = listener.name, "cannot listen: {error}"))
        .ok()?;
    let (settings, receiver) = watch::channel(Rc::new(listener));
    spawn_local(accept(socket, crowd, receiver, shared.clone(), open.clone()));
    Some(Accepting(settings))
}

/// A socket that connections come in by.
enum Listening {
    /// With the address that all connect to; `None` where they may connect to any of this machine's.
    Tcp(TcpListener, Option<SocketAddr>),
    Unix(UnixListener),
}

impl Listening {
    fn on(socket: Socket) -> io::Result<Self> {
        match Address::of(&socket)? {
            Address::Ip(address) => {
                let all = Some(address).filter(|address| !address.ip().is_unspecified());
                Ok(Self::Tcp(TcpListener::from_std(socket.into())?, all))
            }
            Address::Unix(_) => UnixListener::from_std(socket.into()).map(Self::Unix),
        }
    }

    async fn accept(&self) -> io::Result<(Stream, Ends)> {
        match self {
            Self::Tcp(socket, all) => {
                let (stream, client) = socket.accept().await?;
                Ok(Self::tcp(stream, client, *all))
            }
            Self::Unix(socket) => Ok(Self::unix(socket.accept().await?.0)),
        }
    }

    /// A connection that the kernel has accepted already, whether or not the runtime has heard of it.
    fn accept_waiting(&self) -> io::Result<(Stream, Ends)> {
        match self {
            Self::Tcp(socket, all) => {
                let (stream, client) = SockRef::from(socket).accept()?;
                stream.set_nonblocking(true)?;
                let client = client.as_socket().unwrap_or(NOWHERE);
                Ok(Self::tcp(TcpStream::from_std(stream.into())?, client, *all))
            }
            Self::Unix(socket) => {
                let (stream, _) = SockRef::from(socket).accept()?;
                stream.set_nonblocking(true)?;
                Ok(Self::unix(UnixStream::from_std(stream.into())?))
            }
        }
    }

    fn tcp(stream: TcpStream, client: SocketAddr, all: Option<SocketAddr>) -> (Stream, Ends) {
        let local = all.or_else(|| stream.local_addr().ok()).unwrap_or(NOWHERE);
        (Stream::Tcp(stream), Ends { client, local })
    }

    fn unix(stream: UnixStream) -> (Stream, Ends) {
        (Stream::Unix(stream), Ends { client: LOCAL, local: LOCAL })
    }
}

async fn accept(
    socket: Listening,
    crowd: Arc<Crowd>,
    mut settings: watch::Receiver<Rc<Listener>>,
    shared: Shared,
    open: mpsc::Sender<()>,
) {
    let (listening, connections) = watch::channel(());
    let mut tally = Tally::begin(&settings.borrow().name, shared.proxy.registry());
    let (mut going, mut scarcity) = (false, Scarcity::default());
    loop {
        let accepted = match going {
            false => tokio::select! {
                biased;
                accepted = socket.accept() => accepted,
                changed = settings.changed() => {
                    going = changed.is_err();
                    continue;
                }
            },
            // What the kernel has accepted already is served; then the socket closes. Who connects without end does not keep
            // the worker from those it has.
            true => {
                tokio::task::consume_budget().await;
                socket.accept_waiting()
            }
        };
        match accepted {
            Ok((stream, ends)) => {
                scarcity.over(&settings.borrow().name);
                let limit = settings.borrow().max_connections;
                // Those behind it wait in the kernel's queue meanwhile.
                let seat = crowd.enter(limit).await;
                let settings = settings.borrow().clone();
                if !tally.is_of(&settings.name) {
                    tally = Tally::begin(&settings.name, shared.proxy.registry());
                }
                let (listening, _held) = (connections.clone(), (open.clone(), tally.accept()));
                receive(stream, Client { ends, settings, listening, seat, _held }, shared.clone());
            }
            Err(error) if is_passing(&error) => {}
            Err(_) if going => break,
            Err(error) => {
                let name = settings.borrow().name.clone();
                scarcity.wait(&name, &error).await;
            }
        }
    }
    // The socket is closed, and connections end as soon as they are idle; those that rest are.
    drop((socket, listening));
    wake(shared.rest.part(), &shared);
}

/// Serves a connection in a task of its own.
fn receive(mut stream: Stream, mut client: Client, shared: Shared) {
    // In a box before it is a task, which is moved when it is made and when it ends.
    if client.settings.proxy_protocol {
        spawn_local(Box::pin(async move {
            if !Box::pin(client.is_told(&mut stream)).await {
                return;
            }
            if let Some(client) = client.admit(&stream) {
                connection::serve(stream, client, shared).await;
            }
        }));
    } else if let Some(client) = client.admit(&stream) {
        spawn_local(Box::pin(connection::serve(stream, client, shared)));
    }
}

/// Looks after the connections that rest, for ever.
async fn tend(shared: &Shared) {
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        let stirred = tokio::select! {
            stirred = shared.rest.stirred() => stirred,
            _ = sweep.tick() => shared.rest.sweep(),
        };
        wake(stirred, shared);
    }
}

/// Goes on with those that have rested.
fn wake(stirred: Vec<Sleeper>, shared: &Shared) {
    for sleeper in stirred {
        spawn_local(Box::pin(connection::go_on(sleeper, shared.clone())));
    }
}

/// Errors of the connection that was about to be accepted, not of the socket.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_listens_everywhere_asks_where_a_client_connected_to() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let socket = Listening::Tcp(socket, None);
        let client = TcpStream::connect(address).await.unwrap();
        let (_, ends) = socket.accept().await.unwrap();
        assert_eq!((ends.client, ends.local), (client.local_addr().unwrap(), address));
    }

    #[tokio::test]
    async fn a_connection_is_taken_that_the_runtime_has_not_heard_of() {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        // Nothing is awaited from here on: the runtime has no turn.
        let client = std::net::TcpStream::connect(address).unwrap();
        let socket = Listening::Tcp(socket, Some(address));
        assert!(socket.accept().now_or_never().is_none(), "it has heard of nothing");
        let (_, ends) = socket.accept_waiting().unwrap();
        assert_eq!((ends.client, ends.local), (client.local_addr().unwrap(), address));
        assert_eq!(socket.accept_waiting().err().unwrap().kind(), io::ErrorKind::WouldBlock);
    }
}
