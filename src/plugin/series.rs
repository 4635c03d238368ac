//! The metrics of guests.

use std::array;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use gatewright_abi::{Code, Metric};
use parking_lot::Mutex;

use crate::metrics::{Distribution, Family, Kind, Page, Source};

/// Series that one plugin may have.
const MAX_SERIES: usize = 256;

/// What the name of a guest's metric is put behind.
pub const PREFIX: &str = "gatewright_guest_";

/// Threads that add to a counter or a histogram without meeting each other.
const SHARDS: usize = 8;

/// The upper bounds of histograms.
const BOUNDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0];

/// Names and values of labels, sorted by name.
pub(super) type Labels = Vec<(String, String)>;

/// The metrics of all plugins, by their names. It holds on to none: those of a plugin go with the plugin.
#[derive(Debug, Default)]
pub struct Book {
    plugins: Mutex<HashMap<Arc<str>, Weak<Series>>>,
    /// The kind of each name in use, and how many plugins use it: on one page a name has one kind.
    kinds: Mutex<HashMap<String, (Metric, usize)>>,
}

/// The metrics of one plugin; shared by all its instances, and by the plugins that have its name one after the other.
#[derive(Debug)]
pub(super) struct Series {
    plugin: Arc<str>,
    book: Arc<Book>,
    known: Mutex<HashMap<(String, Labels), usize>>,
    /// Filled one after the other, and never emptied: what an instance has once asked for stays good.
    slots: Box<[OnceLock<Slot>]>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    labels: Labels,
    kind: Metric,
    shards: [Shard; SHARDS],
}

/// A part of a series, on cache lines of its own. Only the first part of a gauge is used.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    /// The bits of a number: the value, or the sum of what was observed.
    sum: AtomicU64,
    counts: Box<[AtomicU64]>,
}

impl Book {
    /// The series of the plugin with this name.
    pub(super) fn open(self: &Arc<Self>, plugin: &Arc<str>) -> Arc<Series> {
        let mut plugins = self.plugins.lock();
        if let Some(series) = plugins.get(plugin).and_then(Weak::upgrade) {
            return series;
        }
        plugins.retain(|_, series| series.strong_count() > 0);
        let series = Arc::new(Series::new(Arc::clone(plugin), Arc::clone(self)));
        plugins.insert(Arc::clone(plugin), Arc::downgrade(&series));
        series
    }

    /// Takes a name into use for one more plugin.
    fn take(&self, name: &str, kind: Metric) -> Result<(), Code> {
        let mut kinds = self.kinds.lock();
        if let Some((known, users)) = kinds.get_mut(name) {
            if *known != kind {
                return Err(Code::Invalid);
            }
            *users += 1;
            return Ok(());
        }
        if clashes(&kinds, name, kind) {
            return Err(Code::Invalid);
        }
        kinds.insert(name.to_owned(), (kind, 1));
        Ok(())
    }

    fn give_up(&self, name: &str) {
        let mut kinds = self.kinds.lock();
        if let Some((_, users)) = kinds.get_mut(name) {
            *users -= 1;
            if *users == 0 {
                kinds.remove(name);
            }
        }
    }
}

/// What a histogram `x` shows as `x_count` nobody else may show.
fn clashes(kinds: &HashMap<String, (Metric, usize)>, name: &str, kind: Metric) -> bool {
    const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];
    let is_part_of_one = |part: &&str| {
        let whole = name.strip_suffix(part).and_then(|whole| kinds.get(whole));
        whole.is_some_and(|(kind, _)| *kind == Metric::Histogram)
    };
    PARTS.iter().any(is_part_of_one)
        || (kind == Metric::Histogram
            && PARTS.iter().any(|part| kinds.contains_key(&format!("{name}{part}"))))
}

impl Source for Book {
    fn report(&self, page: &mut Page) {
        let all: Vec<_> = self.plugins.lock().values().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|series| series.report(page));
    }
}

impl Series {
    fn new(plugin: Arc<str>, book: Arc<Book>) -> Self {
        let slots = (0..MAX_SERIES).map(|_| OnceLock::new()).collect();
        Self { plugin, book, known: Mutex::default(), slots }
    }

    /// For a module that is only asked who it is.
    pub(super) fn nameless() -> Arc<Self> {
        Arc::new(Self::new(Arc::from(""), Arc::default()))
    }

    /// The number of a series, made where there is none. `labels` are sorted, and the names are valid.
    pub(super) fn define(&self, kind: Metric, name: &str, labels: Labels) -> Result<usize, Code> {
        let mut known = self.known.lock();
        let key = (name.to_owned(), labels);
        if let Some(id) = known.get(&key) {
            let same = self.slot(*id)?.kind == kind;
            return if same { Ok(*id) } else { Err(Code::Invalid) };
        }
        let id = known.len();
        let slot = self.slots.get(id).ok_or(Code::Limit)?;
        self.book.take(name, kind)?;
        let made = Slot {
            name: key.0.clone(),
            labels: key.1.clone(),
            kind,
            shards: array::from_fn(|_| Shard::new(kind)),
        };
        // Only whoever holds the lock fills a slot.
        let _ = slot.set(made);
        known.insert(key, id);
        Ok(id)
    }

    /// Adds to a counter or a gauge.
    pub(super) fn add(&self, id: usize, value: f64) -> Result<(), Code> {
        let slot = self.slot(id)?;
        match slot.kind {
            Metric::Counter if value >= 0.0 => add(&slot.shard().sum, value),
            Metric::Gauge => add(&slot.first().sum, value),
            Metric::Counter | Metric::Histogram => return Err(Code::Invalid),
        }
        Ok(())
    }

    /// Sets a gauge.
    pub(super) fn set(&self, id: usize, value: f64) -> Result<(), Code> {
        let slot = self.slot(id)?;
        if slot.kind != Metric::Gauge {
            return Err(Code::Invalid);
        }
        slot.first().sum.store(value.to_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// Counts a value in a histogram.
    pub(super) fn observe(&self, id: usize, value: f64) -> Result<(), Code> {
        let slot = self.slot(id)?;
        if slot.kind != Metric::Histogram {
            return Err(Code::Invalid);
        }
        let shard = slot.shard();
        let place = BOUNDS.iter().take_while(|bound| value > **bound).count();
        if let Some(count) = shard.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        add(&shard.sum, value);
        Ok(())
    }

    fn slot(&self, id: usize) -> Result<&Slot, Code> {
        self.slots.get(id).and_then(OnceLock::get).ok_or(Code::NotFound)
    }

    fn report(&self, page: &mut Page) {
        self.slots.iter().map_while(OnceLock::get).for_each(|slot| slot.report(&self.plugin, page));
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        self.slots.iter().map_while(OnceLock::get).for_each(|slot| self.book.give_up(&slot.name));
    }
}

impl Slot {
    /// The shard of the calling thread.
    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        self.shards.get(OWN.get()).unwrap_or(self.first())
    }

    fn first(&self) -> &Shard {
        let [first, ..] = &self.shards;
        first
    }

    fn report(&self, plugin: &str, page: &mut Page) {
        let own = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let labels: Vec<_> = [("plugin", plugin)].into_iter().chain(own).collect();
        let kind = match self.kind {
            Metric::Counter => Kind::Counter,
            Metric::Gauge => Kind::Gauge,
            Metric::Histogram => Kind::Histogram,
        };
        let family =
            Family { name: format!("{PREFIX}{}", self.name).into(), help: "A plugin's own.".into(), kind };
        let sum = self.shards.iter().map(|shard| f64::from_bits(shard.sum.load(Ordering::Relaxed))).sum();
        match self.kind {
            Metric::Counter | Metric::Gauge => page.add(&family, &labels, sum),
            Metric::Histogram => {
                let mut counts = vec![0; BOUNDS.len() + 1];
                for shard in &self.shards {
                    let more = shard.counts.iter().map(|count| count.load(Ordering::Relaxed));
                    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                }
                page.add_values(&family, &labels, Distribution { bounds: BOUNDS.to_vec(), counts, sum });
            }
        }
    }
}

impl Shard {
    fn new(kind: Metric) -> Self {
        let buckets = if kind == Metric::Histogram { BOUNDS.len() + 1 } else { 0 };
        Self { sum: AtomicU64::new(0), counts: (0..buckets).map(|_| AtomicU64::new(0)).collect() }
    }
}

fn add(cell: &AtomicU64, value: f64) {
    let sum = |bits: u64| Some((f64::from_bits(bits) + value).to_bits());
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn text(book: &Book) -> String {
        let mut page = Page::default();
        book.report(&mut page);
        page.text()
    }

    fn label(value: &str) -> Labels {
        vec![("kind".to_owned(), value.to_owned())]
    }

    #[test]
    fn a_series_is_made_once_and_every_thread_adds_to_it() {
        let book = Arc::new(Book::default());
        let series = book.open(&Arc::from("a"));
        let id = series.define(Metric::Counter, "hits_total", label("x")).unwrap();
        assert_eq!(series.define(Metric::Counter, "hits_total", label("x")), Ok(id));
        assert_eq!(book.open(&Arc::from("a")).define(Metric::Counter, "hits_total", label("x")), Ok(id));
        thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| (0..1000).for_each(|_| series.add(id, 0.5).unwrap()));
            }
        });
        assert!(text(&book).ends_with("gatewright_guest_hits_total{plugin=\"a\",kind=\"x\"} 10000\n"));
    }

    #[test]
    fn a_histogram_counts_by_size() {
        let book = Arc::new(Book::default());
        let series = book.open(&Arc::from("a"));
        let id = series.define(Metric::Histogram, "size", Vec::new()).unwrap();
        [0.0005, 0.0006, 1e9, -1.0].into_iter().for_each(|value| series.observe(id, value).unwrap());
        let text = text(&book);
        for line in [
            "_bucket{plugin=\"a\",le=\"0.0005\"} 2",
            "_bucket{plugin=\"a\",le=\"100\"} 3",
            "_count{plugin=\"a\"} 4",
        ] {
            assert!(text.contains(&format!("gatewright_guest_size{line}\n")), "{line} in {text}");
        }
    }

    #[test]
    fn what_does_not_fit_the_kind_is_refused() {
        let book = Arc::new(Book::default());
        let series = book.open(&Arc::from("a"));
        let [counter, gauge, histogram] =
            [(Metric::Counter, "c"), (Metric::Gauge, "g"), (Metric::Histogram, "h")]
                .map(|(kind, name)| series.define(kind, name, Vec::new()).unwrap());
        assert_eq!(series.add(counter, -1.0), Err(Code::Invalid));
        assert_eq!(series.set(counter, 1.0), Err(Code::Invalid));
        assert_eq!(series.observe(gauge, 1.0), Err(Code::Invalid));
        assert_eq!(series.add(histogram, 1.0), Err(Code::Invalid));
        assert_eq!(series.add(histogram + 1, 1.0), Err(Code::NotFound));
        assert_eq!(series.add(usize::MAX, 1.0), Err(Code::NotFound));
        series.set(gauge, 5.0).unwrap();
        series.add(gauge, -7.0).unwrap();
        assert!(text(&book).contains("gatewright_guest_g{plugin=\"a\"} -2\n"));
    }

    #[test]
    fn a_name_has_one_kind_whoever_uses_it_and_is_free_again_with_the_last() {
        let book = Arc::new(Book::default());
        let (a, b) = (book.open(&Arc::from("a")), book.open(&Arc::from("b")));
        a.define(Metric::Counter, "n", label("x")).unwrap();
        a.define(Metric::Counter, "n", label("y")).unwrap();
        b.define(Metric::Counter, "n", Vec::new()).unwrap();
        assert_eq!(a.define(Metric::Gauge, "n", label("x")), Err(Code::Invalid));
        assert_eq!(b.define(Metric::Gauge, "n", label("z")), Err(Code::Invalid));
        a.define(Metric::Histogram, "h", Vec::new()).unwrap();
        assert_eq!(b.define(Metric::Counter, "h_count", Vec::new()), Err(Code::Invalid));
        b.define(Metric::Gauge, "i_sum", Vec::new()).unwrap();
        assert_eq!(a.define(Metric::Histogram, "i", Vec::new()), Err(Code::Invalid));
        drop(a);
        assert_eq!(b.define(Metric::Gauge, "n", label("z")), Err(Code::Invalid));
        assert!(!text(&book).contains("plugin=\"a\""), "they go with their plugin");
        drop(b);
        book.open(&Arc::from("c")).define(Metric::Gauge, "n", Vec::new()).unwrap();
    }

    #[test]
    fn a_plugin_has_so_many_series_and_no_more() {
        let series = Series::nameless();
        for n in 0..MAX_SERIES {
            series.define(Metric::Counter, "n", label(&n.to_string())).unwrap();
        }
        assert_eq!(series.define(Metric::Counter, "n", label("one more")), Err(Code::Limit));
        assert_eq!(series.define(Metric::Counter, "n", label("7")), Ok(7));
    }
}
