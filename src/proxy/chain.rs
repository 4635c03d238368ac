//! The plugins of a route, in their order.

use std::rc::Rc;

use smallvec::SmallVec;
use tracing::warn;

use super::body::Body;
use super::error::ProxyError;
use super::record::Record;
use super::view::View;
use super::{intake, stage};
use crate::exchange::{Exchange, Saved, Side};
use crate::plugin::{BodyMode, BodyUse, CallError, Flow, OnError, Pool, Streaming};
use crate::snapshot::{PluginUse, Route};

/// The middleware of one exchange: the onion, and how deep the request got into it.
pub(super) struct Chain<'a> {
    view: &'a View,
    middleware: &'a [PluginUse],
    /// How many were entered and did not fail. Their response phases run, whatever happens further in; that of one
    /// which answered runs on its own answer.
    entered: usize,
    /// The places of those that failed and were skipped: for this exchange they are not there.
    skipped: SmallVec<[usize; 2]>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(view: &'a View, route: Option<&'a Route>) -> Self {
        Self {
            view,
            middleware: route.map_or(&[], |route| &route.middleware),
            entered: 0,
            skipped: SmallVec::new(),
        }
    }

    /// Outermost first, until one answers.
    pub(super) async fn request_phase(
        &mut self,
        exchange: &mut Box<Exchange>,
        body: &mut Body,
        record: &mut Record,
    ) -> Result<Flow, ProxyError> {
        for used in self.middleware {
            if used.on_request {
                let Some(pool) = self.view.plugins.get(used.plugin) else { continue };
                let (mut hook, saved) = (Wanted::request(used, pool), save(used, exchange));
                hook.before(exchange, body).await?;
                let outcome = pool.on_request(exchange).await;
                if outcome.is_err() {
                    self.skipped.push(self.entered);
                }
                let flow = settle(outcome, Flow::Continue, saved, exchange)?;
                self.entered += 1;
                match flow {
                    Flow::Answered => return Ok(Flow::Answered),
                    Flow::Continue => hook.after(None, exchange, body, record)?,
                    Flow::Stream(guest) => hook.after(Some(guest), exchange, body, record)?,
                }
            } else {
                self.entered += 1;
            }
        }
        Ok(Flow::Continue)
    }

    /// Innermost first. One that fails has its say replaced by an error, on which those further out still run.
    pub(super) async fn response_phase(
        &mut self,
        exchange: &mut Box<Exchange>,
        body: &mut Body,
        record: &mut Record,
    ) -> Result<(), ProxyError> {
        while let Some(used) = self.entered.checked_sub(1).and_then(|last| self.middleware.get(last)) {
            self.entered -= 1;
            if used.on_response && !self.skipped.contains(&self.entered) {
                let Some(pool) = self.view.plugins.get(used.plugin) else { continue };
                let (mut hook, saved) = (Wanted::response(used, pool), save(used, exchange));
                hook.before(exchange, body).await?;
                let outcome = pool.on_response(exchange).await;
                let guest = settle(outcome, None, saved, exchange)?;
                hook.after(guest, exchange, body, record)?;
            }
        }
        Ok(())
    }
}

/// The director, where the route has one.
pub(super) async fn direct(
    view: &View,
    route: &Route,
    exchange: &mut Box<Exchange>,
    body: &mut Body,
    record: &mut Record,
) -> Result<Flow, ProxyError> {
    let Some((used, pool)) = route.director.as_ref().and_then(|used| with_pool(view, used)) else {
        return Ok(Flow::Continue);
    };
    let (mut hook, saved) = (Wanted::request(used, pool), save(used, exchange));
    hook.before(exchange, body).await?;
    let outcome = pool.direct(exchange).await;
    match settle(outcome, Flow::Continue, saved, exchange)? {
        Flow::Answered => return Ok(Flow::Answered),
        Flow::Continue => hook.after(None, exchange, body, record)?,
        Flow::Stream(guest) => hook.after(Some(guest), exchange, body, record)?,
    }
    Ok(Flow::Continue)
}

/// Modify-response, in the order of the configuration.
pub(super) async fn modify_response(
    view: &View,
    route: &Route,
    exchange: &mut Box<Exchange>,
    body: &mut Body,
    record: &mut Record,
) -> Result<(), ProxyError> {
    for (used, pool) in route.modify_response.iter().filter_map(|used| with_pool(view, used)) {
        let (mut hook, saved) = (Wanted::response(used, pool), save(used, exchange));
        hook.before(exchange, body).await?;
        let outcome = pool.modify_response(exchange).await;
        let guest = settle(outcome, None, saved, exchange)?;
        hook.after(guest, exchange, body, record)?;
    }
    Ok(())
}

/// The body that a hook wants, before it runs and afterwards. Costs a look where it wants none.
struct Wanted<'a> {
    body: BodyUse,
    side: Side,
    pool: &'a Pool,
}

impl<'a> Wanted<'a> {
    fn request(used: &PluginUse, pool: &'a Pool) -> Self {
        Self { body: used.request_body, side: Side::Request, pool }
    }

    fn response(used: &PluginUse, pool: &'a Pool) -> Self {
        Self { body: used.response_body, side: Side::Response, pool }
    }

    async fn before(&mut self, exchange: &mut Exchange, body: &mut Body) -> Result<(), ProxyError> {
        match self.body.mode {
            BodyMode::None | BodyMode::Stream => Ok(()),
            // Boxed, so that exchanges that wait for no body do not carry the room for it.
            BodyMode::Peek(_) | BodyMode::Buffer => {
                let limit = self.pool.plugin().limits().body;
                Box::pin(intake::open(self.body, limit, self.side, exchange, body)).await
            }
        }
    }

    fn after(
        &mut self,
        guest: Option<Box<Streaming>>,
        exchange: &mut Exchange,
        body: &mut Body,
        record: &mut Record,
    ) -> Result<(), ProxyError> {
        match (self.body.mode, guest) {
            (BodyMode::None, _) => Ok(()),
            (_, Some(guest)) => {
                let limit = self.pool.plugin().limits().body;
                stage::wrap(guest, self.body, limit, self.side, exchange, body, record.late())
            }
            (_, None) => intake::close(self.body, self.side, exchange, body),
        }
    }
}

fn with_pool<'a>(view: &'a View, used: &'a PluginUse) -> Option<(&'a PluginUse, &'a Rc<Pool>)> {
    Some((used, view.plugins.get(used.plugin)?))
}

/// A plugin that may be skipped must leave no half-done work behind when it fails.
fn save(used: &PluginUse, exchange: &Exchange) -> Option<Box<Saved>> {
    (used.on_error == OnError::Skip).then(|| Box::new(exchange.save()))
}

fn settle<T>(
    outcome: Result<T, CallError>,
    skipped: T,
    saved: Option<Box<Saved>>,
    exchange: &mut Exchange,
) -> Result<T, CallError> {
    match (outcome, saved) {
        (Err(error), Some(saved)) => {
            if !error.quiet {
                warn!(request_id = %exchange.id, route = &*exchange.route, kind = error.failure.kind(), "skipped: {error}");
            }
            exchange.restore(*saved);
            Ok(skipped)
        }
        (outcome, _) => outcome,
    }
}
