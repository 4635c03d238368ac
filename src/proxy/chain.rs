//! The plugins of a route, in their order.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;

use smallvec::SmallVec;
use tracing::warn;

use super::body::Body;
use super::error::ProxyError;
use super::record::Record;
use super::view::View;
use super::{intake, stage};
use crate::exchange::{Exchange, Saved, Side, Window};
use crate::plugin::{BodyMode, BodyUse, CallError, Flow, Hook, OnError, Pool};
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

    /// Where a hook that is wanted is to be called.
    fn called(&self, used: &PluginUse, wanted: bool, hook: Hook) -> Option<&'a Rc<Pool>> {
        self.view.plugins.get(used.plugin).filter(|pool| wanted && pool.uses(hook))
    }

    /// Outermost first, until one answers.
    pub(super) async fn request_phase(
        &mut self,
        exchange: &mut Box<Exchange>,
        body: &mut Body,
        record: &mut Record,
    ) -> Result<ControlFlow<()>, ProxyError> {
        for used in self.middleware {
            if let Some(pool) = self.called(used, used.on_request, Hook::OnRequest) {
                let hook = Entry::new(used, pool, Side::Request, exchange);
                if hook.waits() {
                    hook.wait(exchange, body).await?;
                }
                let outcome = pool.on_request(exchange).await;
                if outcome.is_err() {
                    self.skipped.push(self.entered);
                }
                let flow = hook.close(outcome, exchange, body, record)?;
                self.entered += 1;
                if flow.is_break() {
                    return Ok(flow);
                }
            } else {
                self.entered += 1;
            }
        }
        Ok(ControlFlow::Continue(()))
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
            let wanted = used.on_response && !self.skipped.contains(&self.entered);
            if let Some(pool) = self.called(used, wanted, Hook::OnResponse) {
                let hook = Entry::new(used, pool, Side::Response, exchange);
                if hook.waits() {
                    hook.wait(exchange, body).await?;
                }
                let outcome = pool.on_response(exchange).await;
                // There is no answering any more.
                let _ = hook.close(outcome, exchange, body, record)?;
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
) -> Result<ControlFlow<()>, ProxyError> {
    let Some((used, pool)) = route.director.as_ref().and_then(|used| with_pool(view, used)) else {
        return Ok(ControlFlow::Continue(()));
    };
    let hook = Entry::new(used, pool, Side::Request, exchange);
    if hook.waits() {
        hook.wait(exchange, body).await?;
    }
    let outcome = pool.direct(exchange).await;
    hook.close(outcome, exchange, body, record)
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
        let hook = Entry::new(used, pool, Side::Response, exchange);
        if hook.waits() {
            hook.wait(exchange, body).await?;
        }
        let outcome = pool.modify_response(exchange).await;
        let _ = hook.close(outcome, exchange, body, record)?;
    }
    Ok(())
}

/// One entry into a plugin: what has to stand before it, and what becomes of what it did.
struct Entry<'a> {
    pool: &'a Pool,
    side: Side,
    body: BodyUse,
    /// What it goes back to when it fails and may be skipped.
    saved: Option<Box<Saved>>,
}

impl<'a> Entry<'a> {
    fn new(used: &PluginUse, pool: &'a Pool, side: Side, exchange: &Exchange) -> Self {
        let body = match side {
            Side::Request => used.request_body,
            Side::Response => used.response_body,
        };
        Self { pool, side, body, saved: save(used, exchange) }
    }

    /// Whether the hook wants the body, or its beginning, at hand.
    fn waits(&self) -> bool {
        matches!(self.body.mode, BodyMode::Peek(_) | BodyMode::Buffer)
    }

    /// Waits for as much of the body as the hook wants. In a box, so that exchanges that wait for none do not carry the
    /// room for it.
    fn wait<'b>(
        &'b self,
        exchange: &'b mut Exchange,
        body: &'b mut Body,
    ) -> Pin<Box<dyn Future<Output = Result<(), ProxyError>> + 'b>> {
        Box::pin(async move {
            let limit = self.pool.plugin().limits().body;
            exchange.window = Some(intake::open(self.body, limit, self.side, exchange, body).await?);
            Ok(())
        })
    }

    /// Whether the request goes on inwards. However the call ended, nobody else looks through its window.
    fn close(
        self,
        outcome: Result<Flow, CallError>,
        exchange: &mut Exchange,
        body: &mut Body,
        record: &mut Record,
    ) -> Result<ControlFlow<()>, ProxyError> {
        let window = exchange.window.take();
        match (outcome, self.saved) {
            (Ok(Flow::Answered), _) => return Ok(ControlFlow::Break(())),
            (Ok(Flow::Stream(guest)), _) => {
                let limit = self.pool.plugin().limits().body;
                stage::wrap(guest, self.body, limit, self.side, exchange, body, record.late())?;
            }
            (Ok(Flow::Continue), _) => {
                if let Some(content) = window.and_then(Window::into_replaced) {
                    intake::replace(content, self.body, self.side, exchange, body)?;
                }
            }
            (Err(error), Some(saved)) => skip(&error, *saved, exchange),
            (Err(error), None) => return Err(error.into()),
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn with_pool<'a>(view: &'a View, used: &'a PluginUse) -> Option<(&'a PluginUse, &'a Rc<Pool>)> {
    Some((used, view.plugins.get(used.plugin)?))
}

/// A plugin that may be skipped must leave no half-done work behind when it fails.
fn save(used: &PluginUse, exchange: &Exchange) -> Option<Box<Saved>> {
    (used.on_error == OnError::Skip).then(|| Box::new(exchange.save()))
}

fn skip(error: &CallError, saved: Saved, exchange: &mut Exchange) {
    if !error.quiet {
        warn!(request_id = %exchange.id, route = &*exchange.route, kind = error.failure.kind(), "skipped: {error}");
    }
    exchange.restore(saved);
}
