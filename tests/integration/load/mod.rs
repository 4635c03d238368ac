//! What the gateway must survive under load, and what that costs. Not tests of every day: each runs for
//! `GATEWRIGHT_LOAD_SECONDS` (30 by default) and prints a line of figures, which depend on the machine.
//!
//! That clients see no error, and that each disturbance took place, is asserted; nothing about time is.

mod clients;
mod idle;
mod pests;
mod unbroken;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

use tokio::runtime::Runtime;

/// How long a run takes.
fn length() -> Duration {
    let seconds = std::env::var("GATEWRIGHT_LOAD_SECONDS").map(|text| text.parse().expect("whole seconds"));
    Duration::from_secs(seconds.unwrap_or(30))
}

/// Sockets that one thread serves, in any number.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Something that goes on in the background, until it is stopped.
struct Background<T> {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<T>,
}

impl<T: Send + 'static> Background<T> {
    /// Runs `work`, which is to look now and then at whether it has been stopped.
    fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopped);
        Self { stopped, thread: spawn(move || work(&told)) }
    }

    /// Stops it: what came of it.
    fn stop(self) -> T {
        self.stopped.store(true, Ordering::SeqCst);
        self.thread.join().expect("what went on in the background has panicked")
    }
}
