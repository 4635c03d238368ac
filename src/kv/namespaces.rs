use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::{MemoryStore, Store};

/// The stores that are in use, by the name of their namespace.
///
/// It outlives every snapshot, but holds on to no store: plugins do. A namespace lasts from reload to reload while some
/// living snapshot has a plugin that uses it, and is gone with the last one.
#[derive(Debug, Default)]
pub struct Namespaces {
    known: HashMap<String, Weak<dyn Store>>,
}

impl Namespaces {
    /// The store of a namespace. One that is in use is as it was, its bound too: see [`Store::bound`].
    pub fn open(&mut self, name: &str, max_bytes: usize) -> Arc<dyn Store> {
        if let Some(store) = self.known.get(name).and_then(Weak::upgrade) {
            return store;
        }
        self.known.retain(|_, store| store.strong_count() > 0);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(max_bytes));
        self.known.insert(name.to_owned(), Arc::downgrade(&store));
        store
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_lasts_while_somebody_uses_it() {
        let mut namespaces = Namespaces::default();
        let first = namespaces.open("a", 1 << 20);
        let second = namespaces.open("a", 1 << 20);
        assert!(Arc::ptr_eq(&first, &second));
        let weak = Arc::downgrade(&first);
        drop((first, second));
        assert!(weak.upgrade().is_none(), "the registry itself keeps nothing");
        namespaces.open("b", 1 << 20);
        assert_eq!(namespaces.known.len(), 1, "nor the names of what is gone");
    }

    #[test]
    fn namespaces_do_not_see_each_other() {
        let mut namespaces = Namespaces::default();
        let (a, b) = (namespaces.open("a", 1 << 20), namespaces.open("b", 1 << 20));
        assert!(!Arc::ptr_eq(&a, &b));
    }
}
