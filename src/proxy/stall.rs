use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::activity::{now_ms, start};

/// Since when a client has not taken what is there for it.
///
/// Milliseconds of the process; 0 while it takes what it gets. It is an atomic for the same reason as
/// [`Activity`](super::Activity).
#[derive(Debug, Default)]
pub struct Stall(AtomicU64);

impl Stall {
    /// The client took something, or did not.
    pub fn note(&self, stalled: bool) {
        let since = self.0.load(Ordering::Relaxed);
        match (stalled, since) {
            (true, 0) => self.0.store(now_ms().max(1), Ordering::Relaxed),
            (false, 1..) => self.0.store(0, Ordering::Relaxed),
            _ => {}
        }
    }

    /// Since when the client has not.
    #[must_use]
    pub fn since(&self) -> Option<Instant> {
        let since = self.0.load(Ordering::Relaxed);
        (since > 0).then(|| start() + Duration::from_millis(since))
    }
}
