//! A middleware that lets each client have only so many requests: a token bucket for each, in the key-value store, so
//! that all workers count together and a reload forgets nobody.

mod bucket;
mod key;

use std::time::{Duration, SystemTime};

use gatewright_sdk::Code;
use gatewright_sdk::metrics::Counter;
use gatewright_sdk::prelude::*;

use bucket::{Bucket, Taken, seconds};
use key::Key;

/// How often others may come between reading a bucket and writing it. Each time one of them has got on, so no more than
/// a few in a row are to be expected.
const ATTEMPTS: usize = 16;

/// How many requests whom.
#[config]
struct RateLimitConfig {
    /// How many requests each client may send in each `per`, over a long time.
    rate: u32,
    /// A whole number and a unit: `ms`, `s`, `m` or `h`.
    #[serde(default = "default_per")]
    per: Period,
    /// How many requests a client may send at once, after a pause. The same as `rate` where it is not given.
    burst: Option<u32>,
    /// What tells clients apart: `client_ip`, `header:NAME` or `attribute:NAME`.
    #[serde(default = "default_key")]
    key: String,
    /// What happens to a client that the store has no room for.
    #[serde(default = "default_when_full")]
    when_full: WhenFull,
    /// What the limit's entries and its attribute are called.
    #[serde(default = "default_name")]
    name: String,
}

/// What happens to a client that cannot be counted.
#[config]
#[derive(Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum WhenFull {
    /// It is answered 503.
    Refuse,
    /// It passes, uncounted.
    Allow,
}

fn default_per() -> Period {
    Period::from_secs(1)
}

fn default_key() -> String {
    "client_ip".to_owned()
}

fn default_when_full() -> WhenFull {
    WhenFull::Refuse
}

fn default_name() -> String {
    "rate-limit".to_owned()
}

struct RateLimit {
    bucket: Bucket,
    key: Key,
    when_full: WhenFull,
    name: String,
    /// Requests that were refused because their client had sent too many,
    over: Counter,
    /// and because it could not be counted.
    uncounted: Counter,
}

impl Plugin for RateLimit {
    type Config = RateLimitConfig;

    fn load(config: RateLimitConfig) -> Result<Self> {
        // With the longest value that counts a key stays within what the store takes.
        if config.name.is_empty() || config.name.len() > 64 {
            return Err("name: 1 to 64 bytes".into());
        }
        let per = u64::try_from(config.per.as_nanos()).unwrap_or(u64::MAX);
        let bucket = Bucket::parse(config.burst.unwrap_or(config.rate), config.rate, per)?;
        Ok(Self {
            bucket,
            key: Key::parse(&config.key)?,
            when_full: config.when_full,
            name: config.name,
            over: metrics::counter("refused_total", &[("why", "limit")])?,
            uncounted: metrics::counter("refused_total", &[("why", "no_room")])?,
        })
    }
}

impl Middleware for RateLimit {
    fn on_request(&self, request: &mut Request) -> Result<Flow> {
        let client = self.key.of(request)?;
        let Some(taken) = self.take(&[self.name.as_bytes(), b":", &client].concat())? else {
            return self.uncounted();
        };
        let note = format!("{} {}", taken.remaining, seconds(taken.reset));
        request.attributes().set(&self.name, note)?;
        match taken.full_at {
            Some(_) => Ok(Continue),
            None => refuse(&self.over, 429, "too many requests", seconds(taken.wait)),
        }
    }

    /// Tells the client how it stands, whether its request passed or not.
    fn on_response(&self, response: &mut Response) -> Result<()> {
        let Some(note) = response.attributes().get_str(&self.name)? else { return Ok(()) };
        // It has served, and the access log need not show it.
        response.attributes().remove(&self.name)?;
        let Some((remaining, reset)) = note.split_once(' ') else { return Ok(()) };
        if is_stricter(&*response, remaining)? {
            return Ok(());
        }
        let mut headers = response.headers_mut();
        headers.set("ratelimit-limit", self.bucket.tokens().to_string())?;
        headers.set("ratelimit-remaining", remaining)?;
        headers.set("ratelimit-reset", reset)
    }
}

impl RateLimit {
    /// Takes a token from the bucket of that key; `None` where it cannot be counted.
    fn take(&self, key: &[u8]) -> Result<Option<Taken>> {
        for _ in 0..ATTEMPTS {
            match self.try_take(key) {
                Ok(None) => {}
                Err(error) if error.code() == Some(Code::Limit) => return Ok(None),
                done => return done,
            }
        }
        Ok(None)
    }

    /// `None` where somebody else came between.
    fn try_take(&self, key: &[u8]) -> Result<Option<Taken>> {
        let before = kv::get(key)?;
        let taken = self.bucket.take(before.as_deref().map(full_at).transpose()?, now());
        let Some(full_at) = taken.full_at else { return Ok(Some(taken)) };
        // A full bucket is as good as none.
        let ttl = Some(Duration::from_nanos(taken.reset));
        let swapped = kv::compare_and_swap(key, before.as_deref(), full_at.to_le_bytes(), ttl)?;
        Ok(swapped.then_some(taken))
    }

    fn uncounted(&self) -> Result<Flow> {
        log::warn!("a client cannot be counted: the key-value store has no room, or too many come at once");
        match self.when_full {
            WhenFull::Allow => Ok(Continue),
            WhenFull::Refuse => refuse(&self.uncounted, 503, "try again later", 1),
        }
    }
}

fn refuse(counter: &Counter, status: u16, why: &str, retry_after: u64) -> Result<Flow> {
    counter.increment()?;
    let answer = Answer::json(status, &json!({ "error": why }))?;
    Ok(answer.header("retry-after", retry_after.to_string()).header("cache-control", "no-store").into())
}

/// Whether another limit, closer to the upstream, has said that less remains.
fn is_stricter(response: &Response, remaining: &str) -> Result<bool> {
    let said = response.headers().get("ratelimit-remaining")?;
    let said: Option<u64> = said.and_then(|said| str::from_utf8(&said).ok()?.trim().parse().ok());
    Ok(said.is_some_and(|said| remaining.parse().is_ok_and(|ours: u64| said < ours)))
}

fn full_at(value: &[u8]) -> Result<u64> {
    match value.try_into() {
        Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
        Err(_) => Err("an entry of the key-value store is no bucket: does another plugin write it?".into()),
    }
}

/// The time of day: unlike the monotonic clock it is the same in every process that may ever share the store.
fn now() -> u64 {
    let since = clock::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
}

plugin!(RateLimit: Middleware);

#[cfg(test)]
mod tests;
