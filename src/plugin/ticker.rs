use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often running guests are looked at: the grain of time budgets and of fairness among guests.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// How often the ticker looks whether a guest is running. Nearly all calls are over within microseconds, and on virtual
/// machines each waking up costs the CPU tens of microseconds, so it ticks only while it finds one. A guest that does not
/// end is found after this long, and has its budget from then on.
const LOOK: Duration = Duration::from_millis(4);

/// Looks without a guest call after which the ticker rests. A gateway under load never lets it.
const IDLE_LOOKS: u32 = 12;

/// Advances the engines' epochs once a millisecond while guests run, and rests while none does.
#[derive(Clone)]
pub(super) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    resting: AtomicBool,
    stopped: AtomicBool,
    /// A counter for each holder of a [`Beat`], so that workers do not fight over one cache line.
    beats: Mutex<Vec<Arc<Counter>>>,
    /// Those whose epoch it advances.
    engines: Mutex<Vec<wasmtime::Engine>>,
}

/// Guest calls that one worker has begun and ended; on a cache line of its own. Only that worker writes.
#[derive(Default)]
#[repr(align(128))]
struct Counter {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

/// A worker's way to tell the ticker that a guest is about to run.
#[derive(Clone)]
pub(super) struct Beat {
    counter: Arc<Counter>,
    ticker: Ticker,
}

impl Ticker {
    /// Starts the thread. It ends when the last handle to the ticker is gone.
    pub(super) fn start(engine: wasmtime::Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            resting: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            beats: Mutex::new(Vec::new()),
            engines: Mutex::new(vec![engine]),
        });
        let watched = Arc::clone(&shared);
        let thread = thread::Builder::new().name("ticker".into()).spawn(move || run(&watched))?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Advances the epoch of this engine, too.
    pub(super) fn advance(&self, engine: wasmtime::Engine) {
        self.shared.engines.lock().push(engine);
    }

    /// A beat for the calling worker.
    pub(super) fn beat(&self) -> Beat {
        let counter = Arc::new(Counter::default());
        let mut beats = self.shared.beats.lock();
        beats.retain(|known| Arc::strong_count(known) > 1);
        beats.push(Arc::clone(&counter));
        Beat { counter, ticker: self.clone() }
    }
}

/// A guest is running, or suspended in the middle of a call.
#[must_use]
pub(super) struct Running<'a>(&'a Counter);

/// A guest that waits in the middle of a call: until this is dropped, no time passes for it.
#[must_use]
pub(super) struct Paused<'a>(&'a Beat);

impl Counter {
    fn end(&self) {
        let ended = self.ended.load(Ordering::Relaxed);
        self.ended.store(ended.wrapping_add(1), Ordering::Release);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.count();
    }
}

impl Beat {
    /// To be called before a guest runs: from here on time passes, until the answer is dropped.
    pub(super) fn begin(&self) -> Running<'_> {
        self.count();
        Running(&self.counter)
    }

    /// To be called where a guest is about to wait for something, in between a beginning and its end.
    pub(super) fn pause(&self) -> Paused<'_> {
        self.counter.end();
        Paused(self)
    }

    fn count(&self) {
        // The read-modify-write orders the count before the look at `resting`; the ticker does the two the other way
        // around, so one of them sees the other.
        self.counter.begun.fetch_add(1, Ordering::SeqCst);
        if self.ticker.shared.resting.load(Ordering::SeqCst) {
            self.ticker.shared.resting.store(false, Ordering::SeqCst);
            self.ticker.thread.unpark();
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        // One reference is the thread's own, one is ours.
        if Arc::strong_count(&self.shared) <= 2 {
            self.shared.stopped.store(true, Ordering::SeqCst);
            self.thread.unpark();
        }
    }
}

fn run(shared: &Shared) {
    let mut seen = 0;
    let mut idle = 0;
    let mut next = Instant::now();
    let mut running = false;
    while !shared.stopped.load(Ordering::SeqCst) {
        // Against the clock, as a sleep always takes a little longer. Ticks that were missed stay missed: made up for,
        // they would fall on guests that have not run in that time.
        let now = Instant::now();
        let step = if running { TICK } else { LOOK };
        next = if next + step > now { next + step } else { now + step };
        thread::sleep(next - now);
        let begun;
        (begun, running) = shared.calls();
        if running {
            shared.engines.lock().iter().for_each(wasmtime::Engine::increment_epoch);
        }
        idle = if begun == seen && !running { idle + 1 } else { 0 };
        seen = begun;
        if idle >= IDLE_LOOKS {
            shared.rest(seen);
            idle = 0;
        }
    }
}

impl Shared {
    /// How many calls have begun, and whether one has not ended.
    fn calls(&self) -> (usize, bool) {
        let beats = self.beats.lock();
        let sum = |counter: fn(&Counter) -> &AtomicUsize| {
            beats.iter().map(|beat| counter(beat).load(Ordering::SeqCst)).fold(0, usize::wrapping_add)
        };
        // Ended first: a call that ends in between then looks like one that runs, not like one that never began.
        let ended = sum(|counter| &counter.ended);
        let begun = sum(|counter| &counter.begun);
        (begun, begun != ended)
    }

    /// Sleeps until a call begins after the `seen` ones.
    fn rest(&self, seen: usize) {
        self.resting.store(true, Ordering::SeqCst);
        while self.resting.load(Ordering::SeqCst)
            && !self.stopped.load(Ordering::SeqCst)
            && self.calls().0 == seen
        {
            thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}
