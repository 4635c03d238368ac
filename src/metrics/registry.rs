use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::page::Page;

/// Somebody who has something to tell.
pub trait Source: Send + Sync {
    /// Adds it to the page.
    fn report(&self, page: &mut Page);
}

/// Who has something to tell. It holds on to nobody: what has gone is not told of any more.
#[derive(Default)]
pub struct Registry {
    sources: Mutex<Vec<Weak<dyn Source>>>,
}

impl Registry {
    /// Has `source` asked from now on, for as long as somebody else keeps it.
    pub fn add<S: Source + 'static>(&self, source: &Arc<S>) {
        let source: Arc<dyn Source> = Arc::<S>::clone(source);
        let mut sources = self.sources.lock();
        sources.retain(|known| known.strong_count() > 0);
        sources.push(Arc::downgrade(&source));
    }

    /// What all of them tell now.
    #[must_use]
    pub fn page(&self) -> Page {
        let sources: Vec<_> = self.sources.lock().iter().filter_map(Weak::upgrade).collect();
        let mut page = Page::default();
        sources.iter().for_each(|source| source.report(&mut page));
        page
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Counter, Family};
    use super::*;

    const HITS: Family = Family::counter("hits_total", "Hits.");

    struct Worker(Counter);

    impl Source for Worker {
        fn report(&self, page: &mut Page) {
            page.add(&HITS, &[("worker", "any")], self.0.get() as f64);
        }
    }

    #[test]
    fn what_several_count_of_the_same_is_added_up_and_what_has_gone_is_not_told() {
        let registry = Registry::default();
        let workers = [1, 2, 4].map(|n| {
            let worker = Arc::new(Worker(Counter::default()));
            worker.0.add(n);
            registry.add(&worker);
            worker
        });
        assert!(registry.page().text().ends_with("hits_total{worker=\"any\"} 7\n"));
        let one = workers.into_iter().next();
        assert!(registry.page().text().ends_with("hits_total{worker=\"any\"} 1\n"));
        drop(one);
        assert_eq!(registry.page().text(), "");
    }
}
