use std::sync::{Arc, Mutex};

use crate::host::stub::entries::Entries;
use crate::host::stub::locked;

/// A key-value store in a test, for several exchanges one after the other: see
/// [`TestRequest::kv`](super::TestRequest::kv).
///
/// Its clock is that of the exchanges, so that what is to end ends in a test without waiting: send a later request
/// [`at`](super::TestRequest::at) another time.
#[derive(Clone, Debug, Default)]
pub struct Kv {
    pub(super) entries: Arc<Mutex<Entries>>,
}

impl Kv {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of an entry, as it was when the last exchange called the store.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        locked(&self.entries).get(key.as_ref()).ok().map(<[u8]>::to_vec)
    }

    /// Writes an entry that does not end; one that no gateway would take is left out.
    pub fn put(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        let _ = locked(&self.entries).put(key.as_ref(), value.as_ref(), 0);
    }

    /// From now on there is room for no further entry, or there is again.
    pub fn set_full(&self, is_full: bool) {
        locked(&self.entries).is_full = is_full;
    }

    /// Somebody else comes before the next `swaps` compare-and-swaps: they fail.
    pub fn contend(&self, swaps: u32) {
        locked(&self.entries).contended = swaps;
    }
}
