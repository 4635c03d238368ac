use std::time::Duration;

use wasmtime::ResourceLimiter;

use super::ticker::TICK;

/// Table elements a guest may have: function pointers; large programs have a few thousand.
pub(super) const MAX_TABLE: usize = 100_000;

/// What a plugin and each of its instances may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory.
    pub memory: usize,
    /// Running time of one hook, in which waiting does not count. A started millisecond counts whole.
    pub time: Duration,
    /// Bytes of a body that a hook has at hand at once, or makes.
    pub body: usize,
    /// Requests of its own on behalf of one exchange.
    pub http_calls: u32,
    /// Bytes of the body of a response to one of them.
    pub http_body: usize,
    /// Instances that may live at once, in all workers.
    pub instances: usize,
    /// Calls after which an instance makes room for a new one; 0 = never.
    pub calls: u32,
    /// Failures in a row after which the plugin is left alone for a while; 0 = never.
    pub failures: u32,
    /// Whether each call has an instance of its own.
    pub fresh: bool,
}

/// Running time of start and `init` together.
pub(super) const START_TIME: Duration = Duration::from_secs(1);

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            time: Duration::from_millis(10),
            body: 1 << 20,
            http_calls: 8,
            http_body: 1 << 20,
            instances: 1024,
            calls: 100_000,
            failures: 20,
            fresh: false,
        }
    }
}

/// Counts down the running time of one call. Each tick at which the guest is found running takes one.
///
/// Ticks rather than a clock: a guest that the machine did not let run for a while has not used that time.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeBudget {
    left: u64,
}

impl TimeBudget {
    pub(super) fn of(time: Duration) -> Self {
        let tick = TICK.as_nanos().max(1);
        Self { left: u64::try_from(time.as_nanos().div_ceil(tick)).unwrap_or(u64::MAX) }
    }

    /// Whether the guest may go on.
    pub(super) fn spend(&mut self) -> bool {
        let within = self.left > 0;
        self.left = self.left.saturating_sub(1);
        within
    }
}

/// Holds one instance to its memory limit, and remembers that it ran into it: the guest itself only sees a failed
/// allocation, and usually traps on that.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: usize,
    pub(super) exhausted: bool,
}

impl MemoryBudget {
    pub(super) fn of(limit: usize) -> Self {
        Self { limit, exhausted: false }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

impl ResourceLimiter for MemoryBudget {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let within = desired <= self.limit;
        self.exhausted |= !within;
        Ok(within)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE)
    }

    fn instances(&self) -> usize {
        1
    }

    fn memories(&self) -> usize {
        1
    }
}
