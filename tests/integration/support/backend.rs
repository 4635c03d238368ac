use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use socket2::{Domain, Socket, Type};

use super::message::{Message, Reply};
use super::wait::eventually;
use super::wire::Wire;

/// A server that the gateway sends requests to. It ends when it is dropped.
pub(crate) struct Backend {
    address: SocketAddr,
    seen: Arc<Seen>,
}

/// What a backend has seen so far.
#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Message>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
    stopped: AtomicBool,
}

/// One connection of the gateway to a backend.
pub(crate) struct Connection {
    wire: Wire,
    /// Counted from 0.
    pub(crate) number: usize,
    seen: Arc<Seen>,
}

impl Backend {
    /// Each connection is served by `script`, on a thread of its own.
    pub(crate) fn scripted(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// Answers every request with what `answer` makes of it.
    pub(crate) fn answering(answer: impl Fn(&Message) -> Reply + Send + Sync + 'static) -> Self {
        Self::scripted(serve(answer))
    }

    /// Answers everything with its name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self::answering(by_name(name))
    }

    /// Answers everything with its name, where another backend was before.
    pub(crate) fn again(name: &'static str, address: SocketAddr) -> Self {
        let mut listener = None;
        eventually("the address is free", || {
            listener = TcpListener::bind(address).ok();
            listener.is_some()
        });
        Self::on(listener.unwrap(), serve(by_name(name)))
    }

    fn on(listener: TcpListener, script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let script = Arc::new(script);
        let accepting = Arc::clone(&seen);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (script, seen) = (Arc::clone(&script), Arc::clone(&accepting));
                thread::spawn(move || serve_connection(stream, seen, &*script));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections the gateway has made.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many of them have not ended.
    pub(crate) fn open_connections(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// The requests that have arrived whole.
    pub(crate) fn requests(&self) -> Vec<Message> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Forgets the requests that have arrived.
    pub(crate) fn forget(&self) {
        self.seen.requests.lock().unwrap().clear();
    }

    /// The newest request; waits for the first.
    #[track_caller]
    pub(crate) fn received(&self) -> Message {
        eventually("the backend has received a request", || !self.seen.requests.lock().unwrap().is_empty());
        self.requests().pop().unwrap()
    }
}

/// Keeps on answering requests.
fn serve(answer: impl Fn(&Message) -> Reply) -> impl Fn(&mut Connection) {
    move |connection| {
        while let Some(request) = connection.request() {
            if connection.try_send(answer(&request).bytes(&request)).is_err() {
                return;
            }
        }
    }
}

fn by_name(name: &'static str) -> impl Fn(&Message) -> Reply {
    move |_| Reply::ok(name).with("x-backend", name)
}

fn serve_connection(stream: TcpStream, seen: Arc<Seen>, script: &impl Fn(&mut Connection)) {
    let number = seen.connections.fetch_add(1, Ordering::SeqCst);
    seen.open.fetch_add(1, Ordering::SeqCst);
    seen.streams.lock().unwrap().push(stream.try_clone().unwrap());
    let mut connection = Connection { wire: Wire::over(stream), number, seen };
    script(&mut connection);
    // The list of streams holds on to the socket: dropping this end would not close it.
    let _ = connection.stream().shutdown(Shutdown::Both);
}

impl Connection {
    /// Reads a request to its end, and remembers it.
    pub(crate) fn request(&mut self) -> Option<Message> {
        let request = self.wire.request()?;
        self.seen.requests.lock().unwrap().push(request.clone());
        Some(request)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.seen.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Deref for Connection {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.seen.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        for stream in self.seen.streams.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// An address that refuses connections for as long as this lives, because nobody else can have it.
pub(crate) struct Refusing(Socket);

impl Refusing {
    pub(crate) fn new() -> Self {
        let bound = || -> io::Result<Socket> {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
            Ok(socket)
        };
        Self(bound().unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// From now on a backend that answers everything with its name.
    pub(crate) fn come_up(self, name: &'static str) -> Backend {
        self.0.listen(128).unwrap();
        Backend::on(self.0.into(), serve(by_name(name)))
    }
}
