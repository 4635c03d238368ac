use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::Value;

/// What an entry takes beside its key and value: places in two tables, and two allocations.
const OVERHEAD: usize = 192;

/// An entry without its key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// When it ends, if ever.
    pub(super) expires: Option<Instant>,
}

/// The entries that stand under one lock.
#[derive(Debug, Default)]
pub(super) struct Shard {
    entries: HashMap<Arc<[u8]>, Entry>,
    /// Those that end, the next one first.
    ends: BTreeSet<(Instant, Arc<[u8]>)>,
}

/// Bytes that an entry counts for.
pub(super) fn size(key: &[u8], value: &[u8]) -> usize {
    OVERHEAD + key.len() + value.len()
}

impl Entry {
    pub(super) fn new(value: &[u8], expires: Option<Instant>) -> Self {
        Self { value: Arc::from(value), expires }
    }

    fn is_live(&self, now: Instant) -> bool {
        self.expires.is_none_or(|end| now < end)
    }
}

impl Shard {
    /// How many entries there are, ended ones included.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entry, unless it has ended.
    pub(super) fn get(&self, key: &[u8], now: Instant) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.is_live(now))
    }

    /// The bytes of the entry, ended or not.
    pub(super) fn size_of(&self, key: &[u8]) -> usize {
        self.entries.get(key).map_or(0, |entry| size(key, &entry.value))
    }

    /// Writes an entry over the one there was.
    pub(super) fn insert(&mut self, key: &[u8], entry: Entry) {
        let expires = entry.expires;
        let key = match self.entries.get_key_value(key) {
            Some((known, old)) => {
                let known = Arc::clone(known);
                if let Some(end) = old.expires {
                    self.ends.remove(&(end, Arc::clone(&known)));
                }
                known
            }
            None => Arc::from(key),
        };
        if let Some(end) = expires {
            self.ends.insert((end, Arc::clone(&key)));
        }
        self.entries.insert(key, entry);
    }

    /// Removes an entry, ended or not.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let (key, entry) = self.entries.remove_entry(key)?;
        if let Some(end) = entry.expires {
            self.ends.remove(&(end, key));
        }
        Some(entry)
    }

    /// Removes one entry that has ended; its bytes, or `None` where there is none.
    pub(super) fn remove_ended(&mut self, now: Instant) -> Option<usize> {
        let (_, key) = self.ends.first().filter(|(end, _)| *end <= now)?;
        let key = Arc::clone(key);
        let entry = self.remove(&key)?;
        Some(size(&key, &entry.value))
    }
}
