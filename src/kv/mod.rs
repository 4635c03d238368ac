//! The key-value store: what plugins remember from one exchange to the next.
//!
//! ```text
//! store        trait Store: what a back end must do
//! memory       the embedded one, in this process (shard: a part of it under one lock)
//! namespaces   which stores there are, by name
//! ```
//!
//! A second back end is one file with a type that implements [`Store`], and an arm where [`Namespaces`] makes stores.

mod memory;
mod namespaces;
mod shard;
mod store;

pub use memory::MemoryStore;
pub use namespaces::Namespaces;
pub use store::{Answer, Store, StoreError, Usage, Value};
