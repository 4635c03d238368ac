//! Clients that keep asking, and what they saw.

use std::fmt;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{DEADLINE, Request, Wire};

/// Requests on one connection before a client makes another: new ones must work at any time, too.
const KEPT: usize = 500;

/// What clients saw.
#[derive(Default)]
pub(super) struct Seen {
    /// How long each answer took.
    took: Vec<Duration>,
    /// Connections that were made.
    pub(super) connections: usize,
    /// Everything that was not an answer as it should be.
    errors: Vec<String>,
}

impl Seen {
    fn add(&mut self, mut other: Self) {
        self.took.append(&mut other.took);
        self.connections += other.connections;
        self.errors.append(&mut other.errors);
    }

    pub(super) fn answers(&self) -> usize {
        self.took.len()
    }

    #[track_caller]
    pub(super) fn assert_no_error(&self) {
        let (count, some) = (self.errors.len(), self.errors.iter().take(10).collect::<Vec<_>>());
        assert!(count == 0, "{count} errors beside {} answers, such as {some:#?}", self.answers());
        assert!(self.answers() > 0, "nobody was served");
    }
}

/// The figures of a run.
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut took = self.took.clone();
        took.sort_unstable();
        let part = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
        let [p50, p99, most] = [50, 99, 100].map(|percent| part(percent).copied().unwrap_or_default());
        write!(
            f,
            "{} answers over {} connections, {} errors, p50 {p50:.1?}, p99 {p99:.1?}, longest {most:.1?}",
            took.len(),
            self.connections,
            self.errors.len()
        )
    }
}

/// Clients of one address.
pub(super) struct Clients {
    pub(super) address: SocketAddr,
    pub(super) count: usize,
    /// How long each of them rests after an answer.
    pub(super) pause: Duration,
}

impl Clients {
    /// What they see while `disturb` runs, and what comes of that.
    pub(super) fn meanwhile<T>(&self, disturb: impl FnOnce() -> T) -> (Seen, T) {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let asking: Vec<_> = (0..self.count).map(|_| scope.spawn(|| self.ask(&done))).collect();
            let outcome = {
                let _end = End(&done);
                disturb()
            };
            let mut seen = Seen::default();
            asking.into_iter().for_each(|client| seen.add(client.join().unwrap()));
            (seen, outcome)
        })
    }

    /// One client, which keeps its connection where the gateway does.
    fn ask(&self, done: &AtomicBool) -> Seen {
        let (mut seen, mut connection) = (Seen::default(), None);
        while !done.load(Ordering::Relaxed) {
            connection = match connection.take().map_or_else(|| self.connect(), Ok) {
                Ok((client, asked)) => {
                    seen.connections += usize::from(asked == 0);
                    seen.ask(client, asked)
                }
                Err(error) => {
                    seen.errors.push(format!("cannot connect: {error}"));
                    None
                }
            };
            thread::sleep(self.pause);
        }
        seen
    }

    fn connect(&self) -> std::io::Result<(Wire, usize)> {
        let socket = TcpStream::connect_timeout(&self.address, DEADLINE)?;
        Ok((Wire::over(socket), 0))
    }
}

impl Seen {
    /// Asks once more on a connection on which `asked` requests were answered. What is returned can be asked again.
    fn ask(&mut self, mut client: Wire, asked: usize) -> Option<(Wire, usize)> {
        let begun = Instant::now();
        match client.try_ask(&Request::get("/")) {
            Ok(answer) if answer.status() == 200 => {
                self.took.push(begun.elapsed());
                let ends = answer.get("connection") == Some("close") || asked == KEPT;
                (!ends).then_some((client, asked + 1))
            }
            Ok(answer) => {
                self.errors.push(format!("answered {}: {}", answer.status(), answer.text()));
                None
            }
            Err(broken) => {
                self.errors.push(format!("broken in request {asked} of its connection: {broken:?}"));
                None
            }
        }
    }
}

/// Ends the clients when it goes, whatever became of what disturbed them.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
