use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::active::{Active, Check, CheckSettings, Health};
use super::admission::{Admission, Place, Refused};
use super::budget::Budget;
use super::discovery::{Discovery, News};
use super::endpoint::{Endpoint, Way};
use super::lease::Lease;
use super::load::Load;
use super::passive::{Passive, now_ms};
use super::proxy_header::ProxyProtocol;
use super::resolve::Names;
use super::srv::{Found, Srv};
use crate::balance::{self, Algorithm, Balancer, Outcome, Target};
use crate::tls;

/// How long the first question for endpoints may take. Whoever starts the gateway, or reloads it, waits for that.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// The host of an endpoint that has a file instead, as nginx names it.
const LOCAL: &str = "localhost";

/// What an upstream is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// The balancer.
    pub algorithm: Algorithm,
    /// The endpoints, or where they are found.
    pub endpoints: Source,
    /// Who is asked for names; `None` for whom the system asks.
    pub name_servers: Option<Arc<[SocketAddr]>>,
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

/// Where an upstream has its endpoints from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// They are these; their order is the balancer's.
    Fixed(Vec<EndpointSettings>),
    /// DNS knows.
    Srv(Srv),
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

/// A named pool of endpoints behind one balancer; shared by all workers. Where DNS tells of other endpoints, another one
/// takes its place, in which those that stay go on as they were.
#[derive(Debug)]
pub struct Upstream {
    settings: Settings,
    endpoints: Box<[Arc<Endpoint>]>,
    /// The rank of each, from 0: the next is for when none of the one before is usable. Empty where all are equal.
    ranks: Box<[u16]>,
    /// What DNS told.
    found: Vec<Found>,
    discovery: Option<Arc<Discovery>>,
    balancer: Box<dyn Balancer>,
    budget: Budget,
    admission: Option<Admission>,
}

impl Upstream {
    /// A fresh one: all endpoints usable, the balancer at its start. One whose endpoints DNS knows has none yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        match &settings.endpoints {
            Source::Fixed(endpoints) => {
                let equal = |endpoint: &EndpointSettings| Found { endpoint: endpoint.clone(), priority: 0 };
                let endpoints: Vec<_> = endpoints.iter().map(equal).collect();
                Self::assemble(settings, &endpoints, None)
            }
            Source::Srv(_) => Self::assemble(settings, &[], None),
        }
    }

    /// A fresh one, with the endpoints that DNS knows where that is to be asked. Where it has no answer, that is logged.
    pub async fn discover(settings: Settings) -> Self {
        let upstream = Self::new(settings);
        let Source::Srv(srv) = &upstream.settings.endpoints else { return upstream };
        let asked = timeout(FIRST_ANSWER, srv.ask(&upstream.settings.name_servers)).await;
        match asked.unwrap_or_else(|late| Err(late.into())) {
            Ok((found, _)) => upstream.with(&found),
            Err(error) => {
                let name = &*srv.name;
                tracing::warn!(
                    upstream = upstream.name(),
                    name,
                    "endpoints not found, there are none yet: {error}"
                );
                upstream
            }
        }
    }

    /// The one that takes its place, where the news is of it and is news.
    #[must_use]
    pub fn heard(&self, news: &News) -> Option<Self> {
        let is_ours = self.discovery.as_ref().is_some_and(|ours| Arc::as_ptr(ours) == news.whose.as_ptr());
        (is_ours && self.found != news.found).then(|| self.with(&news.found))
    }

    /// Whether one has taken the other's place.
    #[must_use]
    pub fn is_akin(&self, other: &Self) -> bool {
        self.discovery.as_ref().zip(other.discovery.as_ref()).is_some_and(|(one, two)| Arc::ptr_eq(one, two))
    }

    fn with(&self, found: &[Found]) -> Self {
        let endpoints: Vec<_> = found.iter().map(|found| &*found.endpoint.url).collect();
        tracing::info!(upstream = self.name(), ?endpoints, "endpoints found");
        Self { found: found.to_vec(), ..Self::assemble(self.settings.clone(), found, Some(self)) }
    }

    fn assemble(settings: Settings, members: &[Found], before: Option<&Self>) -> Self {
        // A failure of the only endpoint there is must not turn into "no endpoint": nginx does not count it either.
        let max_fails = if members.len() > 1 { settings.max_fails } else { 0 };
        let known = before.map_or(&[][..], |before| &before.endpoints);
        let known: HashMap<_, _> =
            known.iter().enumerate().map(|(place, endpoint)| (&*endpoint.url, (place, endpoint))).collect();
        let known: Vec<_> = members.iter().map(|found| known.get(&*found.endpoint.url)).collect();
        let endpoints = members.iter().zip(&known).map(|(found, known)| match known {
            Some((_, endpoint)) => Arc::clone(endpoint),
            None => Arc::new(build(&found.endpoint, &settings)),
        });
        let target = |found: &Found| Target { id: id(&found.endpoint.place), weight: found.endpoint.weight };
        let targets: Vec<_> = members.iter().map(target).collect();
        let mut balancer = balance::build(settings.algorithm, &targets, max_fails);
        if let Some(before) = before {
            let places: Vec<_> = known.iter().map(|known| known.map(|(place, _)| *place)).collect();
            balancer.go_on(&*before.balancer, &places);
        }
        let discovery = match before {
            Some(before) => before.discovery.clone(),
            None => matches!(settings.endpoints, Source::Srv(_)).then(Arc::default),
        };
        Self {
            endpoints: endpoints.collect(),
            ranks: ranks(members),
            found: Vec::new(),
            discovery,
            balancer,
            budget: Budget::new(settings.retry_budget),
            admission: admission(
                &settings,
                members.len(),
                before.and_then(|before| before.admission.as_ref()),
            ),
            settings,
        }
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
    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Whether requests may go to this endpoint now.
    #[must_use]
    pub fn is_usable(&self, index: usize) -> bool {
        self.endpoints.get(index).is_some_and(|endpoint| endpoint.is_usable())
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

    /// Begins the checks of its endpoints where it has some and they have not begun yet, on the runtime that this is called
    /// from. They go on for as long as the endpoints live, whichever snapshots they are part of. What DNS tells of comes in
    /// by `news`.
    pub fn watch(&self, news: &mpsc::Sender<News>) {
        if let Some(check) = &self.settings.health {
            let settings = Arc::new(self.settings.clone());
            for endpoint in &self.endpoints {
                endpoint.check.get_or_init(|| Check::start(endpoint, &settings, check));
            }
        }
        if let (Some(discovery), Source::Srv(srv)) = (&self.discovery, &self.settings.endpoints) {
            discovery.start(self.name(), srv, &self.settings.name_servers, news);
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
        let index = self.pick_by_rank(key, &usable).or_else(|| self.pick_by_rank(key, &last_resort))?;
        self.endpoints.get(index)?.passive.picked(now_ms);
        Some(Lease::new(Arc::clone(self), index))
    }

    /// One of the first rank in which there is one.
    fn pick_by_rank(&self, key: Option<&[u8]>, wanted: &dyn Fn(usize, &Endpoint) -> bool) -> Option<usize> {
        let Some(last) = self.ranks.iter().max() else { return self.pick_among(key, wanted) };
        (0..=*last).find_map(|rank| {
            self.pick_among(key, &|index, endpoint| {
                self.ranks.get(index) == Some(&rank) && wanted(index, endpoint)
            })
        })
    }

    fn pick_among(&self, key: Option<&[u8]>, wanted: &dyn Fn(usize, &Endpoint) -> bool) -> Option<usize> {
        let is_wanted = |index| self.endpoints.get(index).is_some_and(|endpoint| wanted(index, endpoint));
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

    pub(super) fn failed(&self, index: usize) {
        // As for the balancer: failures of the only one do not count.
        if self.endpoints.len() > 1
            && let Some(endpoint) = self.endpoints.get(index)
            && endpoint.passive.failed(now_ms())
        {
            let out = self.settings.fail_timeout;
            tracing::warn!(upstream = self.name(), endpoint = %endpoint, ?out, "endpoint taken out");
        }
    }
}

/// None where nothing is limited. Endpoints that are all full are a full upstream, too. With as many places as `before`,
/// they are the same ones.
fn admission(settings: &Settings, endpoints: usize, before: Option<&Admission>) -> Option<Admission> {
    let places = |limit: u32| usize::try_from(limit).ok().filter(|limit| *limit > 0);
    let each = places(settings.endpoint_max_in_flight);
    // Where there are none, nobody needs to wait to hear that.
    let all = each.map(|each| each.saturating_mul(endpoints)).filter(|all| *all > 0);
    let places = places(settings.max_in_flight).into_iter().chain(all).min()?;
    let max_pending = usize::try_from(settings.max_pending).unwrap_or(usize::MAX);
    Some(Admission::new(places, max_pending, settings.pending_timeout).after(before))
}

/// The place of each priority among them all, the lowest first.
fn ranks(members: &[Found]) -> Box<[u16]> {
    let mut priorities: Vec<_> = members.iter().map(|found| found.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    if priorities.len() <= 1 {
        return Box::default();
    }
    let rank = |found: &Found| u16::try_from(priorities.partition_point(|lower| *lower < found.priority));
    members.iter().map(|found| rank(found).unwrap_or(u16::MAX)).collect()
}

fn build(settings: &EndpointSettings, upstream: &Settings) -> Endpoint {
    let (host, https, way, authority) = match &settings.place {
        EndpointPlace::Host { https, host, port } => {
            let names = Names::new(upstream.name_servers.clone());
            (host.as_str(), *https, Way::Tcp { port: *port, names }, authority(host, *port))
        }
        EndpointPlace::Unix(file) => (LOCAL, false, Way::Unix(file.as_path().into()), LOCAL.to_owned()),
    };
    Endpoint {
        url: settings.url.as_str().into(),
        host: host.into(),
        https,
        way,
        base_path: settings.base_path.as_str().into(),
        // Configuration and DNS may only name hosts that are valid in a header.
        authority: HeaderValue::from_str(&authority).unwrap_or(HeaderValue::from_static(LOCAL)),
        passive: Passive::new(upstream.max_fails, upstream.fail_timeout, upstream.max_fail_timeout),
        active: Active::default(),
        check: OnceLock::new(),
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
