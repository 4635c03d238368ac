//! One request's way through the gateway. [`Proxy::handle`] is the page that shows it whole.

mod activity;
mod body;
mod chain;
mod churn;
mod coding;
mod concerns;
mod error;
mod files;
mod forward;
mod headers;
mod http2;
mod intake;
mod interim;
mod objection;
mod outbound;
mod peer;
mod pieces;
mod record;
mod reply;
mod respond;
mod stage;
mod stall;
mod tally;
mod ticks;
mod trust;
mod upgrade;
mod view;
mod websocket;

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::exchange::Exchange;
use crate::metrics::Registry;
use crate::plugin::Engine;
use crate::snapshot::{Current, Route, Snapshot};
use crate::tls;

pub use activity::Activity;
pub use body::{Body, BodyError};
pub use coding::CodingError;
pub use error::ProxyError;
pub use headers::join;
pub use intake::Refusal;
pub use interim::Interim;
pub use objection::Objection;
pub use peer::{Open, Patience, Peer};
pub use stall::Stall;
pub use ticks::Ticks;
pub use trust::{Network, Trust};
pub use view::View;

use chain::Chain;
use record::Record;
use upgrade::Upgrade;

/// One worker's proxy: it turns requests into responses on what the newest snapshot says.
pub struct Proxy {
    engine: Engine,
    current: Arc<Current>,
    registry: Arc<Registry>,
    view: RefCell<Rc<View>>,
}

impl Proxy {
    /// A proxy that serves the current snapshot, whichever that is at the time of a request.
    #[must_use]
    pub fn new(engine: Engine, current: Arc<Current>, registry: Arc<Registry>) -> Self {
        let view = View::build(current.load(), &engine, &registry, None);
        Self { engine, current, registry, view: RefCell::new(Rc::new(view)) }
    }

    /// Where those who count something say so.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// This worker's view of the newest snapshot.
    pub fn view(&self) -> Rc<View> {
        let mut view = self.view.borrow_mut();
        if !self.current.is(&view.snapshot) {
            *view = Rc::new(View::build(self.current.load(), &self.engine, &self.registry, Some(&view)));
        }
        Rc::clone(&view)
    }

    /// Serves one request: never fails, since every error has a response.
    ///
    /// What needs no waiting is done at once. What is returned is large and is moved to its place before it goes on, so there
    /// should be little in it until then.
    pub fn handle(
        &self,
        mut request: Request<Incoming>,
        peer: &Rc<Peer>,
    ) -> impl Future<Output = Response<Body>> + use<> {
        let open_exchange = peer.begin();
        let view = self.view();
        let mut record = Record::begin(&request, peer, view.snapshot.access_log);
        let upgrade = Upgrade::wanted(&mut request, peer);
        let connects = upgrade.as_ref().is_some_and(|upgrade| upgrade.connects());
        let (head, body) = request.into_parts();
        let found = find_route(&view.snapshot, &head);
        let place = found.as_ref().ok().copied();
        let mut exchange = open(&view, view.snapshot.route(place), head, peer, &mut record);
        exchange.outlet = view.outlet();
        let (mut body, refusal) = match found.and_then(|_| Body::from_client(body, peer)) {
            Ok(body) => (body, None),
            Err(error) => (Body::empty(), Some(error)),
        };
        record.follow(&body);
        async move {
            let route = view.snapshot.route(place);
            let mut chain = Chain::new(&view, route);
            let served = match (refusal, route) {
                (None, Some(route)) => {
                    let limit = open_exchange.peer().patience.request;
                    let (exchange, record) = (&mut exchange, &mut record);
                    // Where it stays: it is too much to be moved about.
                    let served = pin!(serve(&view, route, &mut chain, exchange, record, &mut body, upgrade));
                    within(limit, served).await
                }
                (refusal, _) => Err(refusal.unwrap_or(ProxyError::NoRoute)),
            };
            if let Err(error) = served {
                body = respond::to_error(&error, &mut exchange);
            }
            while let Err(error) = chain.response_phase(&mut exchange, &mut body, &mut record).await {
                body = respond::to_error(&error, &mut exchange);
            }
            if connects {
                body = respond::to_connect(&mut exchange, body);
            }
            respond::finish(exchange, body, record, view, open_exchange)
        }
    }
}

/// Opens the exchange, its request already as a proxy sends it on: no guest sees what belongs to the client's connection.
fn open(
    view: &View,
    route: Option<&Route>,
    head: http::request::Parts,
    peer: &Peer,
    record: &mut Record,
) -> Box<Exchange> {
    let tally = view.tally(route);
    let name = Arc::clone(tally.route());
    record.open(tally);
    let mut request = headers::outgoing(head);
    record.client = peer.client(&request.headers);
    headers::prepare(&mut request, &peer.ip, peer.scheme(), peer.is_trusted());
    let mut exchange = Box::new(Exchange::open(record.id, record.client, name, request));
    exchange.scheme = peer.scheme();
    exchange.local = peer.local;
    for (name, value) in peer.tls().into_iter().flat_map(tls::Facts::attributes) {
        // There is room for these few.
        let _ = exchange.attributes.set(name, value.clone());
    }
    exchange.upstream = route.and_then(|route| route.upstream_name.clone());
    exchange
}

/// Waits for a response for as long as a request may take.
async fn within(
    limit: Option<Duration>,
    served: Pin<&mut impl Future<Output = Result<(), ProxyError>>>,
) -> Result<(), ProxyError> {
    match limit {
        None => served.await,
        Some(limit) => timeout(limit, served).await.unwrap_or(Err(ProxyError::Overdue(limit))),
    }
}

/// From a matched route to the head of a response, which is then in the exchange, and its body in the place of the request's.
async fn serve(
    view: &Rc<View>,
    route: &Route,
    chain: &mut Chain<'_>,
    exchange: &mut Box<Exchange>,
    record: &mut Record,
    body: &mut Body,
    upgrade: Option<Box<Upgrade>>,
) -> Result<(), ProxyError> {
    let answered = chain.request_phase(exchange, body, record).await?.is_break()
        || chain::direct(view, route, exchange, body, record).await?.is_break();
    if answered {
        *body = respond::answered(exchange)?;
        return Ok(());
    }
    if let Some(answer) = &route.answer {
        *body = reply::reply(answer, exchange)?;
        return Ok(());
    }
    forward::forward(view, route.upstream, exchange, record, body, upgrade).await?;
    chain::modify_response(view, route, exchange, body, record).await
}

/// The place of the route that matches.
fn find_route(snapshot: &Snapshot, head: &http::request::Parts) -> Result<usize, ProxyError> {
    let host = headers::host(head)?;
    snapshot.router.find(host, head.uri.path(), &head.method, &head.headers).ok_or(ProxyError::NoRoute)
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}
