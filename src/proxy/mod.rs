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
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;

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
    pub async fn handle(&self, mut request: Request<Incoming>, peer: &Rc<Peer>) -> Response<Body> {
        let open_exchange = peer.begin();
        let view = self.view();
        let mut record = Record::begin(&request, peer, view.snapshot.access_log);
        let upgrade = Upgrade::wanted(&mut request, peer);
        let connects = upgrade.as_ref().is_some_and(Upgrade::connects);
        let (head, body) = request.into_parts();
        let route = find_route(&view.snapshot, &head);
        let mut exchange = open(&view, route.as_ref().ok().copied(), head, peer, &mut record);
        exchange.outlet = view.outlet();
        let mut chain = Chain::new(&view, route.as_ref().ok().copied());
        let served = match route.and_then(|route| Ok((route, Body::from_client(body, peer)?))) {
            Ok((route, body)) => {
                record.follow(&body);
                let mut served =
                    pin!(serve(&view, route, &mut chain, &mut exchange, &mut record, body, upgrade));
                match peer.patience.request {
                    None => served.as_mut().await,
                    Some(limit) => timeout(limit, served.as_mut())
                        .await
                        .unwrap_or_else(|_| Err(ProxyError::Overdue(limit))),
                }
            }
            Err(error) => Err(error),
        };
        let mut body = served.unwrap_or_else(|error| respond::to_error(&error, &mut exchange));
        while let Err(error) = chain.response_phase(&mut exchange, &mut body, &mut record).await {
            body = respond::to_error(&error, &mut exchange);
        }
        if connects {
            body = respond::to_connect(&mut exchange, body);
        }
        respond::finish(exchange, body, record, view, open_exchange)
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

/// From a matched route to the head of a response, which is then in the exchange, and its body.
async fn serve(
    view: &Rc<View>,
    route: &Route,
    chain: &mut Chain<'_>,
    exchange: &mut Box<Exchange>,
    record: &mut Record,
    mut body: Body,
    upgrade: Option<Upgrade>,
) -> Result<Body, ProxyError> {
    if chain.request_phase(exchange, &mut body, record).await?.is_break() {
        return respond::answered(exchange);
    }
    if chain::direct(view, route, exchange, &mut body, record).await?.is_break() {
        return respond::answered(exchange);
    }
    if let Some(answer) = &route.answer {
        return reply::reply(answer, exchange);
    }
    let mut body = forward::forward(view, route.upstream, exchange, record, body, upgrade).await?;
    chain::modify_response(view, route, exchange, &mut body, record).await?;
    Ok(body)
}

fn find_route<'a>(snapshot: &'a Snapshot, head: &http::request::Parts) -> Result<&'a Route, ProxyError> {
    let host = headers::host(head)?;
    let found = snapshot.router.find(host, head.uri.path(), &head.method, &head.headers);
    found.and_then(|index| snapshot.routes.get(index)).ok_or(ProxyError::NoRoute)
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").finish_non_exhaustive()
    }
}
