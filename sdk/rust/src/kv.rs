//! The key-value store: what a plugin remembers from one exchange to the next.
//!
//! Entries are shared by all instances of the plugin in all workers, and last from reload to reload until the gateway
//! ends. To use it the plugin must be granted it: `allow = ["kv"]`. A key has 1 to 512 bytes, a value up to 64 KiB. Not
//! to be used while a plugin is loaded, in hooks only.
//!
//! Where the store is full, writing a new entry is refused with [`Code::Limit`]; entries are never dropped before their
//! time to make room. So give entries a time to live.
//!
//! ```
//! use std::time::Duration;
//! use gatewright_sdk::prelude::*;
//! # use gatewright_sdk::testing;
//!
//! # #[config]
//! # struct Counter;
//! # impl Middleware for Counter {
//! fn on_request(&self, request: &mut Request) -> Result<Flow> {
//!     let key = format!("visits:{}", request.client_ip()?);
//!     let visits = kv::add(key, 1, Some(Duration::from_secs(3600)))?;
//!     request.headers_mut().set("x-visits", visits.to_string())?;
//!     Ok(Continue)
//! }
//! # }
//! # plugin!(Counter: Middleware);
//! # let kv = testing::Kv::new();
//! # testing::request("GET", "/").kv(&kv).run(&Counter {}).unwrap();
//! # assert_eq!(kv.get("visits:127.0.0.1").unwrap(), b"1");
//! ```
//!
//! What is decided from a value that was read and written back needs [`compare_and_swap`]: other workers do the same at
//! the same time.

use std::time::Duration;

use gatewright_abi::Code;

use crate::error::{done, found};
use crate::read::{optional, read, text};
use crate::{Error, Result, host};

/// The value of an entry.
pub fn get(key: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>> {
    let key = key.as_ref();
    optional(read(|out| host::kv_get(key, out)), "read entry", Shown(key))
}

/// The value of an entry as text; an error where it is not UTF-8.
pub fn get_str(key: impl AsRef<[u8]>) -> Result<Option<String>> {
    let key = key.as_ref();
    get(key)?.map(|value| text(value, "read entry", Shown(key))).transpose()
}

/// Writes an entry, over the one there may be. It ends after `ttl`, or never.
pub fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, ttl: Option<Duration>) -> Result<()> {
    let key = key.as_ref();
    done(host::kv_put(key, value.as_ref(), millis(ttl)), "write entry", Shown(key))
}

/// Removes an entry; `false` where there was none.
pub fn delete(key: impl AsRef<[u8]>) -> Result<bool> {
    let key = key.as_ref();
    found(host::kv_delete(key), "remove entry", Shown(key))
}

/// Adds to a counter and returns what it is then, in one step that nobody comes between.
///
/// A counter is an entry whose value is a number in decimal digits. Where there is none it begins at 0 and ends after
/// `ttl`; later additions leave its end where it is. Another value, or a sum beyond 64 bits, is an error.
pub fn add(key: impl AsRef<[u8]>, delta: i64, ttl: Option<Duration>) -> Result<i64> {
    let (key, mut sum) = (key.as_ref(), 0);
    done(host::kv_add(key, delta, millis(ttl), &mut sum), "add to entry", Shown(key))?;
    Ok(sum)
}

/// Writes `new` if the entry's value is `old`, or with `None` if there is no entry; `false` where it is not so, and then
/// nothing has changed: read it again and decide anew.
pub fn compare_and_swap(
    key: impl AsRef<[u8]>,
    old: Option<&[u8]>,
    new: impl AsRef<[u8]>,
    ttl: Option<Duration>,
) -> Result<bool> {
    let key = key.as_ref();
    let answer = host::kv_swap(key, old, new.as_ref(), millis(ttl));
    match Code::from_i32(answer) {
        None => Ok(answer == 1),
        Some(code) => Err(Error::refused(code, "swap entry", Shown(key))),
    }
}

/// A time to live as the gateway counts it, where 0 is for ever: what is shorter than a millisecond is one.
fn millis(ttl: Option<Duration>) -> i64 {
    let millis = |ttl: Duration| ttl.as_nanos().div_ceil(1_000_000).max(1);
    ttl.map_or(0, |ttl| i64::try_from(millis(ttl)).unwrap_or(i64::MAX))
}

/// A key in messages.
struct Shown<'a>(&'a [u8]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_never_rounded_to_for_ever() {
        assert_eq!(millis(None), 0);
        assert_eq!(millis(Some(Duration::ZERO)), 1);
        assert_eq!(millis(Some(Duration::from_nanos(1_000_001))), 2);
        assert_eq!(millis(Some(Duration::MAX)), i64::MAX);
    }
}
