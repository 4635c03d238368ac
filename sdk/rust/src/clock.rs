//! The gateway's clocks. (`SystemTime::now` and `Instant::now` of the standard library panic in a plugin.)

use std::time::{Duration, SystemTime};

use crate::host;

/// The time of day.
#[must_use]
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + nanoseconds(host::wall())
}

/// The time since some fixed moment of the gateway's life; never goes back, and is the same clock in every instance.
#[must_use]
pub fn monotonic() -> Duration {
    nanoseconds(host::monotonic())
}

fn nanoseconds(count: i64) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(0))
}
