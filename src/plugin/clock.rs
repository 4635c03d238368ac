use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// No clock that was set shows this: it is 292 years before 1970.
const RUNNING: i64 = i64::MIN;

/// The time that guests see: the system's, until somebody sets it. Then it stands still, which makes tests of plugins
/// that look at the clock come out the same each time. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    /// Nanoseconds since 1970, or [`RUNNING`].
    set: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { start: Instant::now(), set: Arc::new(AtomicI64::new(RUNNING)) }
    }

    /// Stops the clock at `since_1970`, or lets it run again with the system's.
    pub fn set(&self, since_1970: Option<Duration>) {
        self.set.store(since_1970.map_or(RUNNING, nanos), Ordering::Relaxed);
    }

    /// Nanoseconds since 1970.
    pub(super) fn wall(&self) -> i64 {
        self.stopped()
            .unwrap_or_else(|| nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()))
    }

    /// Nanoseconds since some moment, the same one for all guests of the process.
    pub(super) fn monotonic(&self) -> i64 {
        self.stopped().unwrap_or_else(|| nanos(self.start.elapsed()))
    }

    fn stopped(&self) -> Option<i64> {
        Some(self.set.load(Ordering::Relaxed)).filter(|set| *set != RUNNING)
    }
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}
