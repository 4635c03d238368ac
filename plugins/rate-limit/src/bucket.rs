use gatewright_sdk::prelude::*;

const SECOND: u64 = 1_000_000_000;

/// Nanoseconds that an empty bucket may take to fill: a year. Sums with the time of day then stay far below 64 bits.
const LONGEST: u128 = 365 * 24 * 3600 * SECOND as u128;

/// Nanoseconds between two tokens, at least: a thousandth more or less in the rate is nothing that anybody would notice.
const SHORTEST: u64 = 1000;

/// How large the buckets are and how fast they fill.
///
/// All that is kept of a client's bucket is when it will be full again, in nanoseconds of the time of day: from that and
/// the time follows how many tokens it holds. A bucket that is full need not be kept at all.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: u32,
    /// From one token to the next.
    interval: u64,
    /// From empty to full.
    filling: u64,
}

/// An attempt to take a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// When the bucket is full again, if there was a token to take.
    pub(crate) full_at: Option<u64>,
    /// Whole tokens that are left.
    pub(crate) remaining: u64,
    /// Nanoseconds until the bucket is full.
    pub(crate) reset: u64,
    /// Nanoseconds until there is a token.
    pub(crate) wait: u64,
}

impl Bucket {
    /// Of `tokens`, of which `rate` come back in each `per` nanoseconds.
    pub(crate) fn parse(tokens: u32, rate: u32, per: u64) -> Result<Self> {
        let interval = per.checked_div(rate.into()).ok_or("rate: 0 would let nobody in")?;
        if tokens == 0 {
            return Err("burst: 0 would let nobody in".into());
        }
        if interval < SHORTEST {
            return Err("rate: at most a million a second".into());
        }
        let filling = u128::from(interval) * u128::from(tokens);
        match u64::try_from(filling) {
            Ok(filling) if u128::from(filling) <= LONGEST => Ok(Self { tokens, interval, filling }),
            _ => Err("burst: it would take more than a year to come back".into()),
        }
    }

    pub(crate) fn tokens(&self) -> u32 {
        self.tokens
    }

    /// Takes a token at `now` from a bucket that is full at `full_at`; `None` is a full one.
    pub(crate) fn take(&self, full_at: Option<u64>, now: u64) -> Taken {
        // No bucket is further from full than an empty one. What says so was written before the clock was set back.
        let lacks = full_at.map_or(0, |full_at| full_at.saturating_sub(now)).min(self.filling);
        let after = lacks + self.interval;
        if after <= self.filling {
            return Taken { full_at: Some(now + after), remaining: self.left(after), reset: after, wait: 0 };
        }
        Taken { full_at: None, remaining: 0, reset: lacks, wait: after - self.filling }
    }

    /// Whole tokens in a bucket that lacks so many nanoseconds.
    fn left(&self, lacks: u64) -> u64 {
        (self.filling - lacks) / self.interval
    }
}

/// Whole seconds, rounded up: who waits for so long does not come too early.
pub(crate) fn seconds(nanos: u64) -> u64 {
    nanos.div_ceil(SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, one each second.
    fn bucket() -> Bucket {
        Bucket::parse(2, 1, SECOND).unwrap()
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let bucket = bucket();
        let first = bucket.take(None, 0);
        assert_eq!(first, Taken { full_at: Some(SECOND), remaining: 1, reset: SECOND, wait: 0 });
        let second = bucket.take(first.full_at, 0);
        assert_eq!(second, Taken { full_at: Some(2 * SECOND), remaining: 0, reset: 2 * SECOND, wait: 0 });
        let third = bucket.take(second.full_at, SECOND / 4);
        let wait = 3 * SECOND / 4;
        assert_eq!(third, Taken { full_at: None, remaining: 0, reset: SECOND + wait, wait });
        assert_eq!(bucket.take(second.full_at, SECOND).full_at, Some(3 * SECOND));
        assert_eq!(bucket.take(second.full_at, 10 * SECOND).full_at, Some(11 * SECOND));
    }

    #[test]
    fn over_a_long_time_the_rate_is_kept() {
        let bucket = Bucket::parse(5, 10, SECOND).unwrap();
        let (mut full_at, mut taken) = (None, 0);
        for now in (0..100 * SECOND).step_by(7_000_000) {
            let attempt = bucket.take(full_at, now);
            full_at = attempt.full_at.or(full_at);
            taken += u32::from(attempt.full_at.is_some());
        }
        assert!((1000..=1005).contains(&taken), "{taken}");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_lock_anybody_out() {
        let attempt = bucket().take(Some(3_600 * SECOND), 0);
        assert_eq!((attempt.full_at, attempt.wait), (None, SECOND));
    }

    #[test]
    fn what_could_not_work_is_refused() {
        for (tokens, rate, per) in
            [(1, 0, SECOND), (0, 1, SECOND), (1, 2_000_000, SECOND), (u32::MAX, 1, SECOND)]
        {
            assert!(Bucket::parse(tokens, rate, per).is_err(), "{tokens} {rate} {per}");
        }
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!([0, 1, SECOND, SECOND + 1].map(seconds), [0, 1, 1, 2]);
    }
}
