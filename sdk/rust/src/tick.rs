use std::time::Duration;

use crate::error::done;
use crate::{Result, host};

/// Has something done from time to time, for the whole gateway: named in `plugin!` beside the roles, as in
/// `plugin!(Keys: Middleware, Tick);`.
///
/// ```
/// use std::time::Duration;
///
/// use gatewright_sdk::prelude::*;
///
/// #[config]
/// struct Keys;
///
/// impl Tick for Keys {
///     fn period(&self) -> Duration {
///         Duration::from_secs(300)
///     }
///
///     fn on_tick(&self) -> Result<()> {
///         let keys = http::get("auth", "/keys.json").send()?;
///         kv::put("keys", keys.body()?, None)
///     }
/// }
///
/// impl Middleware for Keys {}
///
/// plugin!(Keys: Middleware, Tick);
/// ```
///
/// A tick runs in one instance, seldom the one that serves the next request: what it learns goes into the
/// [key-value store](crate::kv). There is no exchange around it, so it has no attributes.
pub trait Tick {
    /// The time from one tick to the next, at least 100 ms. Asked once, after [`load`](crate::Plugin::load).
    fn period(&self) -> Duration;

    /// Called when the plugin has come into service, and once in each period from then on. An error is logged.
    fn on_tick(&self) -> Result<()>;
}

/// Asks the gateway for a tick in each `period`.
pub(crate) fn every(period: Duration) -> Result<()> {
    let millis = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
    done(host::every(millis), "tick every", format_args!("{period:?}"))
}
