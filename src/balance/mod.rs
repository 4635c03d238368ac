//! Balancers: which endpoint of an upstream serves next.
//!
//! A balancer knows ids and weights, nothing else. Who is healthy or already tried is the caller's business and comes in
//! as `usable`. One balancer serves all workers at once, so its state is atomic or behind a lock held for nanoseconds.
//!
//! A new algorithm is one file, one variant of [`Algorithm`] and one arm of [`build`].

mod algorithm;
mod consistent_hash;
mod draw;
mod least_request;
mod random;
mod round_robin;
mod weighted_round_robin;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod recording;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub use algorithm::{Algorithm, UnknownAlgorithm};
use consistent_hash::ConsistentHash;
use least_request::LeastRequest;
use random::Random;
use round_robin::RoundRobin;
use weighted_round_robin::WeightedRoundRobin;

/// One endpoint as a balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `host:port`, as nginx's `server` line would say it: the consistent hash is taken of this text, so writing an
    /// endpoint differently moves its keys. Ids of one upstream are distinct.
    pub id: String,
    /// Share of the traffic relative to the others; 0 is never picked.
    pub weight: u32,
}

/// How an exchange with an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered.
    Success,
    /// The endpoint refused, broke off, or was too late.
    Failure,
    /// The client went away first: neither good nor bad for the endpoint.
    Abandoned,
}

/// Picks endpoints, by their index in the targets it was built from.
pub trait Balancer: Send + Sync + Debug {
    /// The endpoint for the next exchange, among those that are `usable`; `None` if there is none.
    ///
    /// `key` is what the exchange is hashed by, and matters to `consistent_hash` only. Each `Some(index)` is followed by
    /// exactly one [`report`](Self::report) of that index.
    ///
    /// `usable` may be called under the balancer's lock: it must be quick and must not call the balancer.
    fn pick(&self, key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize>;

    /// Says that this endpoint was taken without a pick (a director chose it), so that in-flight counts stay right. One
    /// [`report`](Self::report) follows, as after a pick.
    fn take(&self, _index: usize) {}

    /// Says how the exchange with a picked or taken endpoint ended.
    fn report(&self, index: usize, outcome: Outcome);

    /// Takes the place of `before`, a balancer by the same algorithm over other targets: `places` says for each target here
    /// which one there it was. By default it begins anew.
    fn go_on(&mut self, _before: &dyn Balancer, _places: &[Option<usize>]) {}

    /// Counts what this target has in flight, where that is counted.
    fn in_flight(&self, _index: usize) -> Option<Arc<AtomicU64>> {
        None
    }
}

/// The balancer of this algorithm over these targets.
///
/// `max_fails` is how many failures put an endpoint out (0 = never): `weighted_round_robin` lowers an endpoint's effective
/// weight by `weight / max_fails` for each failure.
#[must_use]
pub fn build(algorithm: Algorithm, targets: &[Target], max_fails: u32) -> Box<dyn Balancer> {
    match algorithm {
        Algorithm::Random => Box::new(Random::new(targets)),
        Algorithm::RoundRobin => Box::new(RoundRobin::new(targets)),
        Algorithm::WeightedRoundRobin => Box::new(WeightedRoundRobin::new(targets, max_fails)),
        Algorithm::ConsistentHash => Box::new(ConsistentHash::new(targets, max_fails)),
        Algorithm::LeastRequest => Box::new(LeastRequest::new(targets)),
    }
}
