use std::sync::Arc;
use std::time::Duration;

use gatewright_abi as abi;
use wasmtime::{Trap, WasmBacktrace};

use super::instance::Hook;
use super::manifest::Role;

/// Why bytes are not a module this gateway can use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModuleError {
    /// The machine cannot run compiled Wasm.
    #[error("the Wasm engine cannot start: {0}")]
    Engine(String),
    /// Not Wasm, or not valid.
    #[error("not a valid WebAssembly module: {0}")]
    NotWasm(String),
    /// No marker export.
    #[error(
        "not a Gatewright plugin: it does not export `{}` (built with another SDK, or for another host?)",
        abi::export::MARKER
    )]
    NoMarker,
    /// A marker of another version.
    #[error(
        "speaks version {found} of the plugin contract, this gateway speaks version {}; rebuild it with the matching SDK",
        abi::VERSION
    )]
    Version {
        /// What stands behind `gatewright_abi_`.
        found: String,
    },
    /// An import that no version of the host offers.
    #[error("imports `{module}.{name}`, which this gateway does not offer{}", foreign_hint(.module))]
    UnknownImport {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
    },
    /// An import or export of another type than the contract's.
    #[error("{what} `{name}` does not have the contract's type: expected {expected}")]
    Signature {
        /// `export` or `import`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What would be right.
        expected: String,
    },
    /// A required export is missing.
    #[error("does not export `{name}`, {why}")]
    MissingExport {
        /// The export.
        name: &'static str,
        /// Who needs it.
        why: String,
    },
    /// The manifest could not be had, or is not one.
    #[error("its manifest cannot be read: {0}")]
    Manifest(String),
}

impl ModuleError {
    #[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
    pub(super) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

fn foreign_hint(module: &str) -> &'static str {
    match module {
        "wasi_snapshot_preview1" => " (WASI is not part of the contract: build for wasm32-unknown-unknown)",
        "env" => " (an AssemblyScript `abort` or an unresolved C symbol?)",
        _ => "",
    }
}

/// Why a configured use of a good module cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// It asks for a capability that the configuration does not grant.
    #[error(
        "imports `{import}`, so it asks for the capability `{capability}`, which is not granted; add `allow = [\"{capability}\"]` to the plugin if you trust it with that"
    )]
    NotGranted {
        /// The import, `module.name`.
        import: String,
        /// The capability.
        capability: String,
    },
    /// The configuration does not fit the module's schema.
    #[error("config{at}: {why}")]
    Config {
        /// A JSON pointer into the configuration; empty for all of it.
        at: String,
        /// What does not fit.
        why: String,
    },
    /// The module's schema is none.
    #[error("the module's configuration schema is not a JSON Schema: {0}")]
    Schema(String),
    /// A plugin with `instance = "fresh"` that cannot be kept as its `init` left it.
    #[error("cannot have a fresh instance for each call (instance = \"fresh\"): {0}")]
    Fresh(String),
    /// It did not start.
    #[error("does not start: {0}")]
    Start(Box<Failure>),
    /// It asks for periodic calls, but there is nothing to call.
    #[error("asks to be called every {period:?}, but does not export `{}`", abi::export::ON_TICK)]
    NoTick {
        /// How often.
        period: Duration,
    },
}

/// A guest's failure: what it cost is the exchange and the instance.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The guest trapped.
    #[error("{trap}")]
    Trap {
        /// Which trap, and where.
        trap: String,
    },
    /// It ran past its time budget.
    #[error("ran past its time budget of {budget_ms} ms")]
    Deadline {
        /// The budget.
        budget_ms: u128,
    },
    /// It ran into its memory limit and trapped.
    #[error("ran into its memory limit of {limit} bytes ({trap})")]
    Memory {
        /// The limit.
        limit: usize,
        /// The trap that followed.
        trap: String,
    },
    /// It said that it failed.
    #[error("failed: {reason}")]
    Refused {
        /// Its own words.
        reason: String,
    },
    /// It broke the contract.
    #[error("{0}")]
    Contract(String),
    /// It was not entered: as many instances as it may have are busy, or idle in other workers.
    #[error("all {limit} instances that it may have are in use")]
    Instances {
        /// The limit.
        limit: usize,
    },
    /// It was not entered, since it has failed too often in a row.
    #[error("is left alone for a while: it has failed too often in a row")]
    Tripped,
}

/// What a call came to. A failure is rare, and much larger than what calls return: it stands elsewhere.
pub(super) type Outcome<T> = Result<T, Box<Failure>>;

/// Why it is none, for those who count.
pub(super) fn failure_of<T>(outcome: &Outcome<T>) -> Option<&Failure> {
    outcome.as_ref().err().map(Box::as_ref)
}

impl Failure {
    /// What [`kind`](Self::kind) may say.
    pub(super) const KINDS: [&str; 7] =
        ["trap", "deadline", "memory", "refused", "contract", "instances", "tripped"];

    /// For metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::Refused { .. } => "refused",
            Self::Contract(_) => "contract",
            Self::Instances { .. } => "instances",
            Self::Tripped => "tripped",
        }
    }
}

/// A failed call: whose it was and why.
#[derive(Clone, Debug, thiserror::Error)]
#[error("plugin `{plugin}`, {hook}: {failure}")]
pub struct CallError {
    /// The plugin.
    pub plugin: Arc<str>,
    /// The hook.
    pub hook: Hook,
    /// The failure.
    pub failure: Box<Failure>,
    /// Whether the log has heard enough of this plugin's failures for now.
    pub quiet: bool,
}

impl CallError {
    /// The role that failed.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        self.hook.role()
    }
}

/// The time budget is used up. Travels through wasmtime as the reason of the trap.
#[derive(Debug, thiserror::Error)]
#[error("time budget used up")]
pub(super) struct DeadlinePassed;

/// A range outside the guest's memory.
#[derive(Debug, thiserror::Error)]
#[error("passed the host a range outside its memory: {len} bytes at {pointer}")]
pub struct OutOfBounds {
    /// Where it begins.
    pub pointer: u32,
    /// Its bytes.
    pub len: u32,
}

/// What went wrong and in which function, in a line.
pub(super) fn describe(error: &wasmtime::Error) -> String {
    let what = match (error.downcast_ref::<OutOfBounds>(), error.downcast_ref::<Trap>()) {
        (Some(range), _) => range.to_string(),
        (None, Some(trap)) => format!("trap: {trap}"),
        (None, None) => format!("{:#}", error.root_cause()),
    };
    let frame = error.downcast_ref::<WasmBacktrace>().and_then(|trace| trace.frames().first());
    match frame.and_then(wasmtime::FrameInfo::func_name) {
        Some(function) => format!("{what} in `{function}`"),
        None => what,
    }
}
