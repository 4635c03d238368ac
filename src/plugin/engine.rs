use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::{Config, FuncType, Linker, OptLevel, Store};

use super::clock::Clock;
use super::error::ModuleError;
use super::host::{self, Guest};
use super::nursery::Nursery;
use super::series::Book;
use super::ticker::Ticker;

/// Stack that a guest may use. A recursion without end stops here; 512 KiB is what native threads are content with.
const GUEST_STACK: usize = 512 * 1024;
/// Room on the fiber's stack for host calls made from the deepest guest frame.
const HOST_STACK: usize = 256 * 1024;

/// One for each process: compiles modules, holds the table of host calls and the clock of time budgets.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasm: wasmtime::Engine,
    pub(super) linker: Arc<Linker<Guest>>,
    pub(super) ticker: Ticker,
    series: Arc<Book>,
    clock: Clock,
    /// Made when the first plugin asks for it.
    nursery: Arc<Mutex<Option<Arc<Nursery>>>>,
    offers: Arc<HashMap<(String, String), FuncType>>,
}

impl Engine {
    /// Starts the engine and its ticker.
    ///
    /// # Errors
    /// [`ModuleError::Engine`] where the machine cannot run compiled Wasm.
    pub fn new() -> Result<Self, ModuleError> {
        Self::with_clock(&Clock::system())
    }

    /// The same, with this clock for its guests.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_clock(clock: &Clock) -> Result<Self, ModuleError> {
        let wasm = wasmtime::Engine::new(&settings()).map_err(ModuleError::engine)?;
        let linker = host::linker(&wasm, clock).map_err(ModuleError::engine)?;
        let ticker = Ticker::start(wasm.clone()).map_err(|error| ModuleError::Engine(error.to_string()))?;
        let offers = Arc::new(offers(&wasm, &linker));
        Ok(Self {
            wasm,
            linker: Arc::new(linker),
            ticker,
            series: Arc::default(),
            clock: clock.clone(),
            nursery: Arc::default(),
            offers,
        })
    }

    /// Where instances begin that serve one call.
    pub(super) fn nursery(&self) -> wasmtime::Result<Arc<Nursery>> {
        let mut nursery = self.nursery.lock();
        if let Some(nursery) = &*nursery {
            return Ok(Arc::clone(nursery));
        }
        let made = Arc::new(Nursery::open(&self.clock)?);
        self.ticker.advance(made.wasm.clone());
        *nursery = Some(Arc::clone(&made));
        Ok(made)
    }

    /// The metrics of guests.
    #[must_use]
    pub fn series(&self) -> &Arc<Book> {
        &self.series
    }
}

pub(super) fn settings() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .concurrency_support(false)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK + HOST_STACK)
        // What guests cannot use need not be trusted: one 32-bit memory, no threads, no garbage collector.
        .wasm_multi_memory(false)
        .wasm_memory64(false);
    config
}

impl Engine {
    /// The type of the host call `module.name`, if there is one.
    pub(super) fn offered(&self, module: &str, name: &str) -> Option<FuncType> {
        self.offers.get(&(module.to_owned(), name.to_owned())).cloned()
    }
}

/// Looks the host calls' types up once; a linker gives them away only together with a store.
fn offers(engine: &wasmtime::Engine, linker: &Linker<Guest>) -> HashMap<(String, String), FuncType> {
    let mut store = Store::new(engine, Guest::nameless());
    let calls: Vec<_> = linker
        .iter(&mut store)
        .filter_map(|(module, name, call)| Some((module.to_owned(), name.to_owned(), call.into_func()?)))
        .collect();
    calls.into_iter().map(|(module, name, call)| ((module, name), call.ty(&store))).collect()
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
