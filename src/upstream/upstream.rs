use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;

use super::active::{Active, CheckError, CheckSettings, Checks, Health};
use super::admission::{Admission, Place, Refused};
use super::budget::Budget;
use super::endpoint::{Endpoint, Way};
use super::lease::Lease;
use super::load::Load;
use super::passive::{Passive, now_ms};
use super::proxy_header::ProxyProtocol;
use super::resolve::Names;
use crate::balance::{self, Algorithm, Balancer, Outcome, Target};
use crate::tls;

/// The host of an endpoint that has a file instead, as nginx names it.
const LOCAL: &str = "localhost";

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
    /// For how long at most, where it fails each time that it is tried again.
    pub max_fail_timeout: Duration,
    /// How long an endpoint that came back warms up; zero = not at all.
    pub slow_start: Duration,
    /// Requests that may be in flight; 0 = any number.
    pub max_in_flight: u32,
    /// Requests that each endpoint may have in flight; 0 = any number.
    pub endpoint_max_in_flight: u32,
    /// Requests that may wait for their turn.
    pub max_pending: u32,
    /// How long they may.
    pub pending_timeout: Duration,
    /// How endpoints are asked how they are.
    pub health: Option<CheckSettings>,
    /// With a smaller share of healthy endpoints than this, in per cent, all are used; 0 = never.
    pub panic: u32,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long an endpoint may take from the request to the head of its response.
    pub response_timeout: Duration,
    /// How long one endpoint may take where another one could be tried after it.
    pub per_try_timeout: Option<Duration>,
    /// How long an endpoint may pause while it sends a body.
    pub body_timeout: Duration,
    /// How many more endpoints a request may be sent to after one broke it.
    pub retries: u32,
    /// How many retries there may be for a hundred requests.
    pub retry_budget: u32,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// How many of them each worker keeps for each endpoint.
    pub max_idle: usize,
    /// Bytes that the head of a response may have.
    pub max_response_head: u32,
    /// Fields that it may have.
    pub max_response_headers: u32,
    /// How endpoints are told who the client is.
    pub proxy_protocol: Option<ProxyProtocol>,
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
    /// Where it is.
    pub place: EndpointPlace,
    /// Escaped, without a slash at its end.
    pub base_path: String,
    /// Its share.
    pub weight: u32,
}

/// Where an endpoint is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointPlace {
    /// On a host.
    Host {
        /// Whether it speaks TLS.
        https: bool,
        /// Host name or IP literal.
        host: String,
        /// Port.
        port: u16,
    },
    /// On this machine, at the file of a Unix socket.
    Unix(PathBuf),
}

/// A named pool of endpoints behind one balancer; shared by all workers.
#[derive(Debug)]
pub struct Upstream {
    settings: Settings,
    endpoints: Box<[Endpoint]>,
    balancer: Box<dyn Balancer>,
    budget: Budget,
    admission: Option<Admission>,
    checks: OnceLock<Checks>,
}

impl Upstream {
    /// A fresh one: all endpoints usable, the balancer at its start.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        // A failure of the only endpoint there is must not turn into "no endpoint": nginx does not count it either.
        let max_fails = if settings.endpoints.len() > 1 { settings.max_fails } else { 0 };
        let endpoints =
            settings.endpoints.iter().map(|endpoint| build(endpoint, &settings, max_fails)).collect();
        let targets: Vec<_> = settings
            .endpoints
            .iter()
            .map(|endpoint| Target { id: id(&endpoint.place), weight: endpoint.weight })
            .collect();
        let balancer = balance::build(settings.algorithm, &targets, max_fails);
        let budget = Budget::new(settings.retry_budget);
        let admission = admission(&settings);
        Self { settings, endpoints, balancer, budget, admission, checks: OnceLock::new() }
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
        self.endpoints.get(index).is_some_and(Endpoint::is_usable)
    }

    /// What its checks say of this endpoint.
    #[must_use]
    pub fn health(&self, index: usize) -> Health {
        self.endpoints.get(index).map_or(Health::Unknown, |endpoint| endpoint.active.get())
    }

    /// Whether so few endpoints are usable that all are used: few cannot carry what all did.
    #[must_use]
    pub fn panics(&self) -> bool {
        let Some(threshold) = usize::try_from(self.settings.panic).ok().filter(|panic| *panic > 0) else {
            return false;
        };
        let usable = self.endpoints.iter().filter(|endpoint| endpoint.is_usable()).count();
        usable * 100 < threshold * self.endpoints.len()
    }

    /// Begins its checks where it has some and they have not begun yet, on the runtime that this is called from. They go
    /// on for as long as it lives, whichever snapshots it is part of.
    pub fn watch(self: &Arc<Self>) {
        if let Some(settings) = &self.settings.health {
            self.checks.get_or_init(|| Checks::start(self, settings));
        }
    }

    /// Failures counted against this endpoint.
    #[must_use]
    pub fn fails(&self, index: usize) -> u32 {
        self.endpoints.get(index).map_or(0, |endpoint| endpoint.passive.fails())
    }

    /// Lets the balancer pick among the usable endpoints that are not in `tried`. Where only such are left that failed too
    /// often, it is one of them: that it fails again is not worse than to fail at once.
    #[must_use]
    pub fn pick(self: &Arc<Self>, key: Option<&[u8]>, tried: &[usize]) -> Option<Lease> {
        let panics = self.panics();
        let usable = |index: usize, endpoint: &Endpoint| {
            !tried.contains(&index) && endpoint.is_free() && (panics || endpoint.is_usable())
        };
        let last_resort = |index: usize, endpoint: &Endpoint| {
            !tried.contains(&index) && !endpoint.load.is_full() && endpoint.active.get() != Health::Down
        };
        let index = self.pick_among(key, &usable).or_else(|| self.pick_among(key, &last_resort))?;
        self.endpoints.get(index)?.passive.picked(now_ms);
        Some(Lease::new(Arc::clone(self), index))
    }

    fn pick_among(&self, key: Option<&[u8]>, wanted: &dyn Fn(usize, &Endpoint) -> bool) -> Option<usize> {
        let is_wanted =
            |index| self.endpoints.get(index).is_some_and(|endpoint: &Endpoint| wanted(index, endpoint));
        loop {
            let index = self.balancer.pick(key, &is_wanted)?;
            // Another worker may have taken its last place since it was looked at: then it is full, and another is picked.
            match self.endpoints.get(index)?.load.enter() {
                true => return Some(index),
                false => self.balancer.report(index, Outcome::Abandoned),
            }
        }
    }

    /// A request is for this upstream, however often it will be sent. Waits for its place where there are as many as
    /// there may be.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn admit(&self) -> Result<Option<Place>, Refused> {
        self.budget.request();
        match &self.admission {
            Some(admission) => admission.enter().await.map(Some),
            None => Ok(None),
        }
    }

    /// How many requests wait for a place.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.admission.as_ref().map_or(0, Admission::pending)
    }

    /// Whether one more retry is within the budget. It is thereby spent.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.budget.retry(now_ms())
    }

    /// Takes the endpoint that a director chose; `None` where there is no endpoint with this URL.
    #[must_use]
    pub fn take(self: &Arc<Self>, url: &str) -> Option<Lease> {
        let index = self.endpoints.iter().position(|endpoint| *endpoint.url == *url)?;
        // Even if it is full: a director has its reasons.
        self.endpoints.get(index)?.load.add();
        self.balancer.take(index);
        Some(Lease::new(Arc::clone(self), index))
    }

    pub(super) fn report(&self, index: usize, outcome: Outcome) {
        self.balancer.report(index, outcome);
    }

    pub(super) fn succeeded(&self, index: usize) {
        if let Some(endpoint) = self.endpoints.get(index)
            && endpoint.passive.succeeded()
        {
            endpoint.load.warm_up(now_ms());
        }
    }

    /// Its checks changed their mind about this endpoint.
    pub(super) fn checked(&self, index: usize, result: Result<(), CheckError>) {
        let Some(endpoint) = self.endpoints.get(index) else { return };
        let upstream = self.name();
        let was_down = endpoint.active.get() == Health::Down;
        endpoint.active.set(result.is_ok());
        match result {
            Ok(()) => {
                endpoint.passive.forgive();
                if was_down {
                    endpoint.load.warm_up(now_ms());
                }
                tracing::info!(upstream, %endpoint, "endpoint up");
            }
            Err(reason) => tracing::warn!(upstream, %endpoint, %reason, "endpoint down"),
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

/// None where nothing is limited. Endpoints that are all full are a full upstream, too.
fn admission(settings: &Settings) -> Option<Admission> {
    let places = |limit: u32| usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let each = places(settings.endpoint_max_in_flight);
    let all = each.map(|each| each.saturating_mul(settings.endpoints.len()));
    let places = places(settings.max_in_flight).into_iter().chain(all).min()?;
    let max_pending = usize::try_from(settings.max_pending).unwrap_or(usize::MAX);
    Some(Admission::new(places, max_pending, settings.pending_timeout))
}

fn build(settings: &EndpointSettings, upstream: &Settings, max_fails: u32) -> Endpoint {
    let (host, https, way, authority) = match &settings.place {
        EndpointPlace::Host { https, host, port } => {
            (host.as_str(), *https, Way::Tcp { port: *port, names: Names::default() }, authority(host, *port))
        }
        EndpointPlace::Unix(file) => (LOCAL, false, Way::Unix(file.as_path().into()), LOCAL.to_owned()),
    };
    Endpoint {
        url: settings.url.as_str().into(),
        host: host.into(),
        https,
        way,
        base_path: settings.base_path.as_str().into(),
        // The configuration admits only hosts that are valid in a header.
        authority: HeaderValue::from_str(&authority).unwrap_or(HeaderValue::from_static(LOCAL)),
        passive: Passive::new(max_fails, upstream.fail_timeout, upstream.max_fail_timeout),
        active: Active::default(),
        load: Load::new(upstream.endpoint_max_in_flight, upstream.slow_start),
    }
}

/// `host:port`, an IPv6 literal in brackets.
fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// What a balancer tells endpoints apart by: what nginx has for it.
fn id(place: &EndpointPlace) -> String {
    match place {
        EndpointPlace::Host { host, port, .. } => authority(host, *port),
        EndpointPlace::Unix(file) => format!("unix:{}", file.display()),
    }
}
