use std::sync::Arc;

use super::admission::Place;
use super::endpoint::Endpoint;
use super::upstream::Upstream;
use crate::balance::Outcome;

/// One request's use of an endpoint. The balancer hears how it ended when it is dropped, whatever happens.
#[derive(Debug)]
pub struct Lease {
    upstream: Arc<Upstream>,
    index: usize,
    outcome: Outcome,
    /// Its request's place in the upstream.
    place: Option<Place>,
}

impl Lease {
    pub(super) fn new(upstream: Arc<Upstream>, index: usize) -> Self {
        // Until somebody knows better: the client went away.
        Self { upstream, index, outcome: Outcome::Abandoned, place: None }
    }

    /// The endpoint's place in its upstream.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// The upstream.
    #[must_use]
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.upstream.endpoints().get(self.index).map(Arc::as_ref)
    }

    /// Keeps the request's place in the upstream for as long as the endpoint is used.
    pub fn keep(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// It answered.
    pub fn succeed(&mut self) {
        self.outcome = Outcome::Success;
        self.upstream.succeeded(self.index);
    }

    /// It was refused, broke, or took too long.
    pub fn fail(mut self) {
        self.outcome = Outcome::Failure;
        self.upstream.failed(self.index);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.upstream.report(self.index, self.outcome);
        if let Some(endpoint) = self.endpoint() {
            endpoint.load.leave();
        }
    }
}
