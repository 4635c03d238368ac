use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::endpoint::Endpoint;
use super::lease::Lease;
use super::passive::{Passive, now_ms};
use crate::balance::{self, Algorithm, Balancer, Outcome, Target};
use crate::tls;

/// What an upstream is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The balancer.
    pub algorithm: Algorithm,
    /// The endpoints; their order is the balancer's.
    pub endpoints: Vec<EndpointSettings>,
    /// Replaces the client's `Host`.
    pub host: Option<HeaderValue>,
    /// Failures that take an endpoint out; 0 = never.
    pub max_fails: u32,
    /// For how long.
    pub fail_timeout: Duration,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long an endpoint may take from the request to the head of its response.
    pub response_timeout: Duration,
    /// How many more endpoints a request may be sent to after one broke it.
    pub retries: u32,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many of them each worker keeps for each endpoint.
    pub max_idle: usize,
    /// What is spoken with endpoints.
    pub protocol: Protocol,
    /// TLS, where endpoints speak it.
    pub tls: Option<Arc<tls::Client>>,
}

/// What is spoken with endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Over TLS what both sides agree on, in clear HTTP/1.
    Auto,
    /// HTTP/1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What an endpoint is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSettings {
    /// As the configuration writes it.
    pub url: String,
    /// Host name or IP literal.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub https: bool,
    /// Escaped, without a slash at its end.
    pub base_path: String,
    /// Its share.
    pub weight: u32,
}

/// A named pool of endpoints behind one balancer; shared by all workers.
#[derive(Debug)]
pub struct Upstream {
    settings: Settings,
    endpoints: Box<[Endpoint]>,
    balancer: Box<dyn Balancer>,
}

impl Upstream {
    /// A fresh one: all endpoints usable, the balancer at its start.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // A failure of the only endpoint there is must not turn into "no endpoint": nginx does not count it either.
        let max_fails = if settings.endpoints.len() > 1 { settings.max_fails } else { 0 };
        let endpoints = settings
            .endpoints
            .iter()
            .map(|endpoint| build(endpoint, Passive::new(max_fails, settings.fail_timeout)))
            .collect();
        let targets: Vec<_> = settings
            .endpoints
            .iter()
            .map(|endpoint| Target { id: authority(endpoint), weight: endpoint.weight })
            .collect();
        let balancer = balance::build(settings.algorithm, &targets, max_fails);
        Self { settings, endpoints, balancer }
    }

    /// What it was made from.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Whether requests may go to this endpoint now.
    #[must_use]
    pub fn is_usable(&self, index: usize) -> bool {
        self.endpoints.get(index).is_some_and(|endpoint| endpoint.passive.is_usable(now_ms))
    }

    /// Failures counted against this endpoint.
    #[must_use]
    pub fn fails(&self, index: usize) -> u32 {
        self.endpoints.get(index).map_or(0, |endpoint| endpoint.passive.fails())
    }

    /// Lets the balancer pick among the usable endpoints that are not in `tried`.
    #[must_use]
    pub fn pick(self: &Arc<Self>, key: Option<&[u8]>, tried: &[usize]) -> Option<Lease> {
        let index = self.balancer.pick(key, &|index| !tried.contains(&index) && self.is_usable(index))?;
        self.endpoints.get(index)?.passive.picked(now_ms);
        Some(Lease::new(Arc::clone(self), index))
    }

    /// Takes the endpoint that a director chose; `None` where there is no endpoint with this URL.
    #[must_use]
    pub fn take(self: &Arc<Self>, url: &str) -> Option<Lease> {
        let index = self.endpoints.iter().position(|endpoint| *endpoint.url == *url)?;
        self.balancer.take(index);
        Some(Lease::new(Arc::clone(self), index))
    }

    pub(super) fn report(&self, index: usize, outcome: Outcome) {
        self.balancer.report(index, outcome);
    }

    pub(super) fn succeeded(&self, index: usize) {
        if let Some(endpoint) = self.endpoints.get(index) {
            endpoint.passive.succeeded();
        }
    }

    pub(super) fn failed(&self, index: usize) {
        if let Some(endpoint) = self.endpoints.get(index)
            && endpoint.passive.failed(now_ms())
        {
            let out = self.settings.fail_timeout;
            tracing::warn!(upstream = self.name(), endpoint = %endpoint, ?out, "endpoint taken out");
        }
    }
}

fn build(settings: &EndpointSettings, passive: Passive) -> Endpoint {
    let authority = authority(settings);
    Endpoint {
        url: settings.url.as_str().into(),
        host: settings.host.as_str().into(),
        port: settings.port,
        https: settings.https,
        base_path: settings.base_path.as_str().into(),
        // The configuration admits only hosts that are valid in a header.
        authority: HeaderValue::from_str(&authority).unwrap_or(HeaderValue::from_static("localhost")),
        passive,
    }
}

/// `host:port`, an IPv6 literal in brackets.
fn authority(endpoint: &EndpointSettings) -> String {
    match endpoint.host.contains(':') {
        true => format!("[{}]:{}", endpoint.host, endpoint.port),
        false => format!("{}:{}", endpoint.host, endpoint.port),
    }
}
