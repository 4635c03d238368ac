//! One request's way through the gateway. [`Proxy::handle`] is the page that shows it whole.

mod body;
mod chain;
mod error;
mod forward;
mod headers;
mod record;
mod respond;
mod upgrade;
mod view;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;

use crate::exchange::{Exchange, RequestId};
use crate::plugin::{Engine, Flow};
use crate::snapshot::{Current, Route, Snapshot};

pub use body::{Body, BodyError};
pub use error::ProxyError;
pub use view::View;

use chain::Chain;
use record::Record;
use upgrade::Upgrade;

/// The client's end of a connection.
#[derive(Debug)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Its IP address as text, made once for all requests of the connection.
    pub ip: HeaderValue,
    /// How long it may pause while it sends a body.
    pub body_timeout: Duration,
}

/// One worker's proxy: it turns requests into responses on what the newest snapshot says.
pub struct Proxy {
    engine: Engine,
    current: Arc<Current>,
    view: RefCell<Rc<View>>,
}

impl Proxy {
    /// A proxy that serves the current snapshot, whichever that is at the time of a request.
    #[must_use]
    pub fn new(engine: Engine, current: Arc<Current>) -> Self {
        let view = View::build(current.load(), &engine, None);
        Self { engine, current, view: RefCell::new(Rc::new(view)) }
    }

    /// This worker's view of the newest snapshot.
    pub fn view(&self) -> Rc<View> {
        let mut view = self.view.borrow_mut();
        if !self.current.is(&view.snapshot) {
            *view = Rc::new(View::build(self.current.load(), &self.engine, Some(&view)));
        }
        Rc::clone(&view)
    }

    /// Serves one request: never fails, since every error has a response.
    pub async fn handle(&self, mut request: Request<Incoming>, peer: &Peer) -> Response<Body> {
        let view = self.view();
        let mut record = Record::begin(&request, peer, view.snapshot.access_log);
        let upgrade = Upgrade::wanted(&mut request);
        let (head, body) = request.into_parts();
        let route = find_route(&view.snapshot, &head);
        let name = route.as_ref().map_or_else(|_| Arc::clone(&view.snapshot.no_route), |r| Arc::clone(&r.name));
        let mut request = headers::outgoing(head);
        headers::prepare(&mut request, peer);
        let mut exchange = Box::new(Exchange::open(RequestId::random(), peer.address, name, request));

        let mut chain = Chain::new(&view, route.as_ref().ok().copied());
        let served = match route {
            Ok(route) => {
                let body = Body::from_client(body, peer.body_timeout);
                serve(&view, route, &mut chain, &mut exchange, &mut record, body, upgrade).await
            }
            Err(error) => Err(error),
        };
        let mut body = match served {
            Ok(body) => body,
            Err(error) => respond::to_error(&error, &mut exchange, &mut record),
        };
        if let Err(error) = chain.response_phase(&mut exchange).await {
            body = respond::to_error(&ProxyError::Plugin(error), &mut exchange, &mut record);
        }
        respond::finish(exchange, body, record, &view)
    }
}

/// From a matched route to the head of a response, which is then in the exchange, and its body.
async fn serve(
    view: &Rc<View>,
    route: &Route,
    chain: &mut Chain<'_>,
    exchange: &mut Box<Exchange>,
    record: &mut Record,
    body: Body,
    upgrade: Option<Upgrade>,
) -> Result<Body, ProxyError> {
    if chain.request_phase(exchange).await? == Flow::Answered {
        return respond::answered(exchange);
    }
    if chain::direct(view, route, exchange).await? == Flow::Answered {
        return respond::answered(exchange);
    }
    let body = forward::forward(view, route, exchange, record, body, upgrade).await?;
    chain::modify_response(view, route, exchange).await?;
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
