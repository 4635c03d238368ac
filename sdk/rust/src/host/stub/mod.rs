//! The gateway's part in native tests: one exchange for each thread, kept to the rules of `gatewright-abi`.

mod attributes;
mod body;
pub(crate) mod calls;
mod check;
pub(crate) mod entries;
mod head;
pub(crate) mod http;
pub(crate) mod metrics;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gatewright_abi::{Code, Level, Message};

use entries::Entries;
use http::Outbound;

pub(crate) use body::Bodies;
pub(crate) use check::field;

/// Which hook runs, and so what it may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// None: there is no exchange.
    #[default]
    Outside,
    OnRequest,
    Direct,
    ModifyResponse,
    OnResponse,
    /// A piece of this message's body.
    OnBody(Message),
    /// There is no exchange, but the gateway serves.
    Tick,
}

impl Phase {
    fn is_request(self) -> bool {
        matches!(self, Self::OnRequest | Self::Direct)
    }

    fn is_response(self) -> bool {
        matches!(self, Self::ModifyResponse | Self::OnResponse)
    }

    /// Whether the response can be read.
    fn has_response(self) -> bool {
        self.is_response() || self == Self::OnBody(Message::Response)
    }
}

/// Header fields in their order, names in lower case.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// What a middleware answered.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
}

/// Everything that the calls of a hook see and change.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) phase: Phase,
    pub(crate) request: Fields,
    pub(crate) response: Fields,
    pub(crate) status: u16,
    pub(crate) parts: BTreeMap<u32, Vec<u8>>,
    pub(crate) attributes: BTreeMap<String, Vec<u8>>,
    pub(crate) answer: Option<Given>,
    pub(crate) log_level: Level,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) wall: Duration,
    pub(crate) monotonic: Duration,
    /// Shared with the exchanges before and after this one.
    pub(crate) entries: Arc<Mutex<Entries>>,
    pub(crate) bodies: Bodies,
    pub(crate) outbound: Outbound,
    /// What the next random bytes are made of.
    random: u64,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            phase: Phase::Outside,
            request: Fields::new(),
            response: Fields::new(),
            status: 200,
            parts: BTreeMap::new(),
            attributes: BTreeMap::new(),
            answer: None,
            log_level: Level::Trace,
            logs: Vec::new(),
            wall: Duration::from_secs(1_000_000_000),
            monotonic: Duration::from_secs(1),
            entries: Arc::default(),
            bodies: Bodies::default(),
            outbound: Outbound::default(),
            random: 0,
        }
    }
}

pub(crate) type Checked<T> = Result<T, Code>;

impl Exchange {
    fn in_exchange(&self) -> Checked<()> {
        if matches!(self.phase, Phase::Outside | Phase::Tick) { Err(Code::Forbidden) } else { Ok(()) }
    }

    /// Not while a plugin is loaded.
    fn in_service(&self) -> Checked<()> {
        if self.phase == Phase::Outside { Err(Code::Forbidden) } else { Ok(()) }
    }

    /// Runs a call of the key-value store at this exchange's time.
    fn kv<T>(&self, call: impl FnOnce(&mut Entries) -> Checked<T>) -> Checked<T> {
        self.in_service()?;
        call(locked(&self.entries).at(self.wall))
    }

    fn log(&mut self, level: Level, line: &[u8]) {
        if level <= self.log_level {
            self.logs.push((level, String::from_utf8_lossy(line).into_owned()));
        }
    }

    /// Those of `SplitMix64`: always the same, and never alike.
    fn fill_random(&mut self, out: &mut [u8]) -> Checked<()> {
        for chunk in out.chunks_mut(8) {
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (to, from) in chunk.iter_mut().zip((mixed ^ (mixed >> 31)).to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

/// A test that failed while it held the entries leaves them as they are.
pub(crate) fn locked(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Runs `test` with `exchange` as the one that calls see, and gives it back as they left it.
pub(crate) fn during<T>(exchange: Exchange, test: impl FnOnce() -> T) -> (Exchange, T) {
    let outer = EXCHANGE.replace(exchange);
    let result = test();
    (EXCHANGE.replace(outer), result)
}

/// Changes the exchange that calls see.
pub(crate) fn change(change: impl FnOnce(&mut Exchange)) {
    EXCHANGE.with_borrow_mut(change);
}
