use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The value of an entry; shared, so that a reader copies it after the store has gone on.
pub type Value = Arc<[u8]>;

/// What a [`Store`] is about to answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The entries of one namespace. Keys and values are bytes within the limits of the contract with guests.
///
/// The methods answer with futures for the sake of a store across the network; a guest that calls one is suspended
/// while its worker goes on. Each method is atomic. A time to live of `None` is for ever.
pub trait Store: fmt::Debug + Send + Sync {
    /// The value of an entry.
    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Value>>;

    /// Writes an entry.
    fn put<'a>(&'a self, key: &'a [u8], value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()>;

    /// Removes an entry; `false` where there was none.
    fn delete<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool>;

    /// Adds to a counter, an `i64` in decimal digits, and answers what it is then. Made at 0, with `ttl`, where there
    /// is none.
    fn add<'a>(&'a self, key: &'a [u8], delta: i64, ttl: Option<Duration>) -> Answer<'a, i64>;

    /// Writes `new` where the value is `old` (`None`: where there is no entry). Whether it did.
    fn swap<'a>(
        &'a self,
        key: &'a [u8],
        old: Option<&'a [u8]>,
        new: &'a [u8],
        ttl: Option<Duration>,
    ) -> Answer<'a, bool>;

    /// How much there is of it, where that is known here.
    fn usage(&self) -> Option<Usage>;

    /// Changes how many bytes the entries may take. What is there stays, even where it is more. A store that somebody
    /// else bounds has nothing to do.
    fn bound(&self, max_bytes: usize);
}

/// How much there is in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// What its entries take.
    pub bytes: usize,
    /// How many entries it has, ended ones included that were not removed yet.
    pub entries: usize,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is no room for the entry.
    #[error("the key-value store is full")]
    Full,
    /// The value is no counter, or the sum is none.
    #[error("not a counter")]
    NotACounter,
}
