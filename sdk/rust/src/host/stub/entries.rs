//! The key-value store's part in native tests, kept to the rules of `gatewright-abi`.

use std::collections::BTreeMap;
use std::time::Duration;

use gatewright_abi::{Code, kv};

use super::Checked;

/// The entries of one namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entries {
    entries: BTreeMap<Vec<u8>, Entry>,
    /// The time of day of the exchange that came last: what entries end by.
    now: Duration,
    /// Whether there is room for what is not there yet.
    pub(crate) is_full: bool,
    /// How many swaps somebody else will come before.
    pub(crate) contended: u32,
}

#[derive(Clone, Debug)]
struct Entry {
    value: Vec<u8>,
    expires: Option<Duration>,
}

impl Entries {
    /// What follows happens at this time of day.
    pub(crate) fn at(&mut self, now: Duration) -> &mut Self {
        self.now = now;
        self.entries.retain(|_, entry| entry.expires.is_none_or(|end| now < end));
        self
    }

    pub(crate) fn get(&self, key: &[u8]) -> Checked<&[u8]> {
        check_key(key)?;
        self.value(key).ok_or(Code::NotFound)
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8], ttl_ms: i64) -> Checked<()> {
        check_key(key)?;
        let expires = self.end(ttl_ms)?;
        self.write(key, value, expires)
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Checked<()> {
        check_key(key)?;
        self.entries.remove(key).map(drop).ok_or(Code::NotFound)
    }

    pub(crate) fn add(&mut self, key: &[u8], delta: i64, ttl_ms: i64) -> Checked<i64> {
        check_key(key)?;
        let made = self.end(ttl_ms)?;
        let (count, expires) = match self.entries.get(key) {
            Some(entry) => (counter(&entry.value)?, entry.expires),
            None => (0, made),
        };
        let sum: i64 = count.checked_add(delta).ok_or(Code::Invalid)?;
        self.write(key, sum.to_string().as_bytes(), expires)?;
        Ok(sum)
    }

    pub(crate) fn swap(&mut self, key: &[u8], old: Option<&[u8]>, new: &[u8], ttl_ms: i64) -> Checked<bool> {
        check_key(key)?;
        let expires = self.end(ttl_ms)?;
        if new.len() > kv::MAX_VALUE {
            return Err(Code::Invalid);
        }
        if let Some(left) = self.contended.checked_sub(1) {
            self.contended = left;
            return Ok(false);
        }
        if self.value(key) != old {
            return Ok(false);
        }
        self.write(key, new, expires).map(|()| true)
    }

    fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(|entry| entry.value.as_slice())
    }

    fn write(&mut self, key: &[u8], value: &[u8], expires: Option<Duration>) -> Checked<()> {
        if value.len() > kv::MAX_VALUE {
            return Err(Code::Invalid);
        }
        if self.is_full && !self.entries.contains_key(key) {
            return Err(Code::Limit);
        }
        self.entries.insert(key.to_vec(), Entry { value: value.to_vec(), expires });
        Ok(())
    }

    fn end(&self, ttl_ms: i64) -> Checked<Option<Duration>> {
        let ttl_ms = u64::try_from(ttl_ms).map_err(|_| Code::Invalid)?;
        Ok(Some(ttl_ms).filter(|ms| *ms > 0).and_then(|ms| self.now.checked_add(Duration::from_millis(ms))))
    }
}

fn check_key(key: &[u8]) -> Checked<()> {
    if key.is_empty() || key.len() > kv::MAX_KEY { Err(Code::Invalid) } else { Ok(()) }
}

fn counter(value: &[u8]) -> Checked<i64> {
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or(Code::Invalid)
}
