use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::shard::{Entry, Shard, size};
use super::{Answer, Store, StoreError, Usage, Value};

/// Locks of one store: several times the workers of a usual machine, so that two seldom want the same one.
const SHARDS: usize = 16;

/// Ended entries that each write removes, where there are any: more than a write can add, so that they do not pile up;
/// few, so that no write takes long.
const SWEEP: usize = 4;

/// How often a write looks for room. Others may take what it found.
const ATTEMPTS: usize = 3;

/// The embedded store: in this process, shared by its workers, gone when it ends.
///
/// Bounded in bytes. Where a write finds no room, entries that have ended make some; those that have not are never
/// given up for it, because forgetting one silently would be wrong for somebody: a rate limit would begin anew.
#[derive(Debug)]
pub struct MemoryStore {
    shards: [Mutex<Shard>; SHARDS],
    /// Decides the shard. Random, because keys are often chosen by clients.
    hasher: RandomState,
    used: AtomicUsize,
    max_bytes: AtomicUsize,
}

/// Whether and how an operation writes, and what it answers.
type Decision<T> = Result<(T, Option<Entry>), StoreError>;

impl MemoryStore {
    /// An empty store of at most `max_bytes`.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            used: AtomicUsize::new(0),
            max_bytes: AtomicUsize::new(max_bytes),
        }
    }

    /// Bytes that its entries take.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn get_at(&self, now: Instant, key: &[u8]) -> Option<Value> {
        self.with(key, |shard| shard.get(key, now).map(|entry| Value::clone(&entry.value)))
    }

    fn put_at(
        &self,
        now: Instant,
        key: &[u8],
        value: &[u8],
        ttl: Option<Duration>,
    ) -> Result<(), StoreError> {
        self.write(now, key, |_| Ok(((), Some(Entry::new(value, end(now, ttl))))))
    }

    fn delete_at(&self, now: Instant, key: &[u8]) -> bool {
        self.with(key, |shard| {
            let was_live = shard.get(key, now).is_some();
            if let Some(entry) = shard.remove(key) {
                self.release(size(key, &entry.value));
            }
            was_live
        })
    }

    fn add_at(&self, now: Instant, key: &[u8], delta: i64, ttl: Option<Duration>) -> Result<i64, StoreError> {
        self.write(now, key, |entry| {
            let (count, expires) = match entry {
                Some(entry) => (counter(&entry.value)?, entry.expires),
                None => (0, end(now, ttl)),
            };
            let sum = count.checked_add(delta).ok_or(StoreError::NotACounter)?;
            Ok((sum, Some(Entry::new(sum.to_string().as_bytes(), expires))))
        })
    }

    fn swap_at(
        &self,
        now: Instant,
        key: &[u8],
        old: Option<&[u8]>,
        new: &[u8],
        ttl: Option<Duration>,
    ) -> Result<bool, StoreError> {
        self.write(now, key, |entry| {
            let is_old = entry.map(|entry| &*entry.value) == old;
            Ok((is_old, is_old.then(|| Entry::new(new, end(now, ttl)))))
        })
    }

    /// Runs `decide` on the entry as it is, and writes what it says before anybody else sees the entry.
    fn write<T>(
        &self,
        now: Instant,
        key: &[u8],
        decide: impl Fn(Option<&Entry>) -> Decision<T>,
    ) -> Result<T, StoreError> {
        for _ in 0..ATTEMPTS {
            let missing = match self.with(key, |shard| self.try_write(shard, now, key, &decide))? {
                Ok(answer) => return Ok(answer),
                Err(missing) => missing,
            };
            // The shard's lock is given back: no two are ever held, so none can wait for another.
            if !self.make_room(now, missing) {
                break;
            }
        }
        Err(StoreError::Full)
    }

    /// The inner error is how many bytes are missing.
    fn try_write<T>(
        &self,
        shard: &mut Shard,
        now: Instant,
        key: &[u8],
        decide: impl Fn(Option<&Entry>) -> Decision<T>,
    ) -> Result<Result<T, usize>, StoreError> {
        let (answer, entry) = decide(shard.get(key, now))?;
        if let Some(entry) = entry {
            if let Err(missing) = self.replace(shard.size_of(key), size(key, &entry.value)) {
                return Ok(Err(missing));
            }
            shard.insert(key, entry);
        }
        (0..SWEEP).map_while(|_| shard.remove_ended(now)).for_each(|bytes| self.release(bytes));
        Ok(Ok(answer))
    }

    /// Takes the bytes of an entry and gives back those of the one it replaces.
    fn replace(&self, old: usize, new: usize) -> Result<(), usize> {
        let Some(more) = new.checked_sub(old) else {
            self.release(old - new);
            return Ok(());
        };
        let max = self.max_bytes.load(Ordering::Relaxed);
        let take = |used: usize| used.checked_add(more).filter(|sum| more == 0 || *sum <= max);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(used) => Err(used.saturating_add(more).saturating_sub(max)),
        }
    }

    fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Removes ended entries, wherever they are, until `missing` bytes are free. Whether there were any.
    fn make_room(&self, now: Instant, missing: usize) -> bool {
        let mut freed = 0;
        for shard in &self.shards {
            let mut shard = shard.lock();
            while freed < missing {
                let Some(bytes) = shard.remove_ended(now) else { break };
                self.release(bytes);
                freed += bytes;
            }
        }
        freed > 0
    }

    fn with<T>(&self, key: &[u8], run: impl FnOnce(&mut Shard) -> T) -> T {
        let [first, ..] = &self.shards;
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        run(&mut self.shards.get(index).unwrap_or(first).lock())
    }
}

/// When an entry written now ends. What ends beyond the clock's range never does.
fn end(now: Instant, ttl: Option<Duration>) -> Option<Instant> {
    now.checked_add(ttl?)
}

fn counter(value: &[u8]) -> Result<i64, StoreError> {
    let text = str::from_utf8(value).map_err(|_| StoreError::NotACounter)?;
    text.parse().map_err(|_| StoreError::NotACounter)
}

fn ready<'a, T: Send + 'a>(answer: Result<T, StoreError>) -> Answer<'a, T> {
    Box::pin(std::future::ready(answer))
}

impl Store for MemoryStore {
    fn get<'a>(&'a self, key: &'a [u8]) -> Answer<'a, Option<Value>> {
        ready(Ok(self.get_at(Instant::now(), key)))
    }

    fn put<'a>(&'a self, key: &'a [u8], value: &'a [u8], ttl: Option<Duration>) -> Answer<'a, ()> {
        ready(self.put_at(Instant::now(), key, value, ttl))
    }

    fn delete<'a>(&'a self, key: &'a [u8]) -> Answer<'a, bool> {
        ready(Ok(self.delete_at(Instant::now(), key)))
    }

    fn add<'a>(&'a self, key: &'a [u8], delta: i64, ttl: Option<Duration>) -> Answer<'a, i64> {
        ready(self.add_at(Instant::now(), key, delta, ttl))
    }

    fn swap<'a>(
        &'a self,
        key: &'a [u8],
        old: Option<&'a [u8]>,
        new: &'a [u8],
        ttl: Option<Duration>,
    ) -> Answer<'a, bool> {
        ready(self.swap_at(Instant::now(), key, old, new, ttl))
    }

    fn usage(&self) -> Option<Usage> {
        let entries = self.shards.iter().map(|shard| shard.lock().len()).sum();
        Some(Usage { bytes: self.used(), entries })
    }

    fn bound(&self, max_bytes: usize) {
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    fn store() -> MemoryStore {
        MemoryStore::new(1 << 20)
    }

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    /// A store with room for exactly `count` entries of keys with two bytes and an empty value.
    fn room_for(count: usize) -> MemoryStore {
        MemoryStore::new(count * size(b"k0", b""))
    }

    fn key(n: usize) -> [u8; 2] {
        [b'k', u8::try_from(n).unwrap()]
    }

    #[test]
    fn what_was_put_is_there_until_it_is_deleted() {
        let (store, now) = (store(), Instant::now());
        assert_eq!(store.get_at(now, b"a"), None);
        store.put_at(now, b"a", b"1", None).unwrap();
        store.put_at(now, b"a", b"22", None).unwrap();
        assert_eq!(store.get_at(now, b"a").as_deref(), Some(&b"22"[..]));
        assert_eq!(store.used(), size(b"a", b"22"));
        assert!(store.delete_at(now, b"a"));
        assert!(!store.delete_at(now, b"a"));
        assert_eq!((store.get_at(now, b"a"), store.used()), (None, 0));
    }

    #[test]
    fn an_entry_ends_with_its_time_and_not_before() {
        let (store, start) = (store(), Instant::now());
        store.put_at(start, b"a", b"1", SECOND).unwrap();
        assert!(store.get_at(after(start, 999), b"a").is_some());
        assert!(store.get_at(after(start, 1000), b"a").is_none());
        assert!(!store.delete_at(after(start, 1000), b"a"), "it was gone before");
        assert_eq!(store.used(), 0);
    }

    #[test]
    fn a_new_value_has_a_new_end() {
        let (store, start) = (store(), Instant::now());
        store.put_at(start, b"a", b"1", SECOND).unwrap();
        store.put_at(after(start, 500), b"a", b"2", SECOND).unwrap();
        assert!(store.get_at(after(start, 1400), b"a").is_some());
        store.put_at(after(start, 1400), b"a", b"3", None).unwrap();
        assert!(store.get_at(after(start, 1_000_000), b"a").is_some());
        store.put_at(start, b"b", b"", Some(Duration::MAX)).unwrap();
        assert!(store.get_at(after(start, 1_000_000), b"b").is_some());
    }

    #[test]
    fn writes_sweep_what_has_ended() {
        let (store, start) = (store(), Instant::now());
        for n in 0..100 {
            store.put_at(start, &key(n), b"", SECOND).unwrap();
        }
        // So many that every shard is written to, whatever the hash makes of them.
        for _ in 0..100 {
            for n in 0..=u8::MAX {
                store.put_at(after(start, 1000), &[b'x', n], b"", None).unwrap();
            }
        }
        assert_eq!(store.used(), 256 * size(b"k0", b""));
    }

    #[test]
    fn a_full_store_refuses_rather_than_forgets() {
        let (store, start) = (room_for(3), Instant::now());
        for n in 0..3 {
            store.put_at(start, &key(n), b"", SECOND).unwrap();
        }
        assert_eq!(store.put_at(start, &key(3), b"", None), Err(StoreError::Full));
        assert_eq!(store.put_at(start, &key(0), b"x", None), Err(StoreError::Full), "nor may one grow");
        assert_eq!(store.add_at(start, &key(3), 1, None), Err(StoreError::Full));
        assert_eq!(store.swap_at(start, &key(3), None, b"", None), Err(StoreError::Full));
        assert_eq!(store.swap_at(start, &key(0), None, b"", None), Ok(false));
        (0..3).for_each(|n| assert!(store.get_at(start, &key(n)).is_some()));
        store.put_at(start, &key(0), b"", SECOND).unwrap();
    }

    #[test]
    fn what_has_ended_makes_room_wherever_it_is() {
        let (store, start) = (room_for(40), Instant::now());
        for n in 0..40 {
            store.put_at(start, &key(n), b"", SECOND).unwrap();
        }
        for n in 100..140 {
            store.put_at(after(start, 1000), &key(n), b"", None).unwrap();
        }
        assert_eq!(store.put_at(after(start, 1000), &key(140), b"", None), Err(StoreError::Full));
    }

    #[test]
    fn a_smaller_bound_keeps_what_there_is() {
        let (store, now) = (room_for(3), Instant::now());
        (0..3).for_each(|n| store.put_at(now, &key(n), b"", None).unwrap());
        store.bound(size(b"k0", b""));
        assert!(store.get_at(now, &key(2)).is_some());
        assert_eq!(store.put_at(now, &key(0), b"", None), Ok(()), "of the same size");
        assert_eq!(store.put_at(now, &key(3), b"", None), Err(StoreError::Full));
        (0..3).for_each(|n| assert!(store.delete_at(now, &key(n))));
        store.put_at(now, &key(3), b"", None).unwrap();
    }

    #[test]
    fn a_counter_is_decimal_and_ends_when_it_was_made_to() {
        let (store, start) = (store(), Instant::now());
        assert_eq!(store.add_at(start, b"n", -7, SECOND), Ok(-7));
        assert_eq!(store.add_at(after(start, 900), b"n", 2, SECOND), Ok(-5));
        assert_eq!(store.get_at(after(start, 900), b"n").as_deref(), Some(&b"-5"[..]));
        assert_eq!(store.add_at(after(start, 1000), b"n", 1, SECOND), Ok(1));
        store.put_at(start, b"n", b"41", None).unwrap();
        assert_eq!(store.add_at(start, b"n", 1, SECOND), Ok(42));
    }

    #[test]
    fn what_is_no_counter_is_not_added_to() {
        let (store, now) = (store(), Instant::now());
        let largest = i64::MAX.to_string();
        for value in [&b"x"[..], b"", b"1.5", b"\xff", b" 1", largest.as_bytes(), b"9223372036854775808"] {
            store.put_at(now, b"n", value, None).unwrap();
            assert_eq!(store.add_at(now, b"n", 1, None), Err(StoreError::NotACounter), "{value:?}");
            assert_eq!(store.get_at(now, b"n").as_deref(), Some(value));
        }
    }

    #[test]
    fn a_swap_writes_only_over_what_it_expects() {
        let (store, start) = (store(), Instant::now());
        assert_eq!(store.swap_at(start, b"a", Some(b""), b"1", None), Ok(false), "absent is not empty");
        assert_eq!(store.swap_at(start, b"a", None, b"1", SECOND), Ok(true));
        assert_eq!(store.swap_at(start, b"a", None, b"2", None), Ok(false));
        assert_eq!(store.swap_at(start, b"a", Some(b"0"), b"2", None), Ok(false));
        assert_eq!(store.get_at(start, b"a").as_deref(), Some(&b"1"[..]));
        assert_eq!(store.swap_at(start, b"a", Some(b"1"), b"2", SECOND), Ok(true));
        assert_eq!(store.swap_at(after(start, 1000), b"a", None, b"3", None), Ok(true), "it has ended");
    }

    /// Runs `work` on eight threads at once.
    fn at_once(work: impl Fn(usize) + Sync) {
        thread::scope(|scope| {
            for n in 0..8 {
                let work = &work;
                scope.spawn(move || work(n));
            }
        });
    }

    #[test]
    fn counts_are_conserved_under_concurrency() {
        let (store, now) = (store(), Instant::now());
        at_once(|thread| {
            for n in 0..2000 {
                store.add_at(now, b"together", 1, None).unwrap();
                store.add_at(now, &key((thread + n) % 20), 1, None).unwrap();
            }
        });
        assert_eq!(store.add_at(now, b"together", 0, None), Ok(16_000));
        let apart: i64 = (0..20).map(|n| store.add_at(now, &key(n), 0, None).unwrap()).sum();
        assert_eq!(apart, 16_000);
    }

    #[test]
    fn of_swaps_that_expect_the_same_one_wins() {
        let (store, now) = (store(), Instant::now());
        let won = AtomicUsize::new(0);
        at_once(|thread| {
            for round in 0..500_u32 {
                let old = round.checked_sub(1).map(u32::to_le_bytes);
                let old = old.as_ref().map(<[u8; 4]>::as_slice);
                // Until the round is over, whoever ends it.
                while store.get_at(now, b"round").as_deref() == old {
                    let swapped = store.swap_at(now, b"round", old, &round.to_le_bytes(), None).unwrap();
                    won.fetch_add(usize::from(swapped), Ordering::Relaxed);
                }
                store.put_at(now, &key(thread), &round.to_le_bytes(), SECOND).unwrap();
            }
        });
        assert_eq!(won.into_inner(), 500);
    }

    #[test]
    fn the_bound_holds_and_the_books_balance_under_concurrency() {
        let (store, start) = (room_for(50), Instant::now());
        at_once(|thread| {
            for n in 0..3000_u64 {
                let (now, key) = (after(start, n), key((thread * 31 + n as usize * 7) % 200));
                let _ = store.put_at(now, &key, b"", Some(Duration::from_millis(n % 50)));
                assert!(store.used() <= 50 * size(b"k0", b""));
                if n % 3 == 0 {
                    store.delete_at(now, &key);
                }
            }
        });
        (0..200).for_each(|n| {
            store.delete_at(start, &key(n));
        });
        assert_eq!(store.used(), 0);
    }
}
