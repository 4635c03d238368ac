use std::rc::Rc;

use bytes::Bytes;
use gatewright_abi::hook;

use super::error::{CallError, Failure};
use super::instance::{Hook, Instance};
use super::pool::Pool;
use crate::exchange::{Access, Attributes, Exchange, Side, Window};

/// A guest that chose to have a body piece by piece. Its instance stays with the exchange until the body has ended, so
/// that it may keep what straddles two pieces.
pub struct Streaming {
    pool: Rc<Pool>,
    instance: Box<Instance>,
    exchange: Box<Exchange>,
    /// What was noted about the exchange before the guest began.
    before: Attributes,
    side: Side,
}

/// What a guest made of a piece.
#[derive(Debug)]
pub struct Made {
    /// What goes on in its place.
    pub bytes: Bytes,
    /// Whether the guest has seen enough: the rest goes on untouched.
    pub done: bool,
}

impl Streaming {
    pub(super) fn new(pool: Rc<Pool>, instance: Box<Instance>, exchange: Box<Exchange>, side: Side) -> Self {
        let before = exchange.attributes.clone();
        Self { pool, instance, exchange, before, side }
    }

    /// Hands the guest a piece; `last` says that nothing follows it.
    ///
    /// # Errors
    /// [`CallError`] where the guest failed; it must not be called again.
    pub async fn piece(&mut self, bytes: Bytes, last: bool) -> Result<Made, CallError> {
        let limit = self.pool.plugin().limits().body;
        self.exchange.window = Some(Window::new(self.side, bytes, last, Access::Write(limit)));
        let outcome = self.pool.enter_held(&mut self.instance, Hook::OnBody, &mut self.exchange).await;
        let bytes = self.exchange.window.take().map(Window::into_written).unwrap_or_default();
        match outcome {
            Ok(hook::CONTINUE) => Ok(Made { bytes, done: false }),
            Ok(hook::DONE) => Ok(Made { bytes, done: true }),
            Ok(code) => {
                let message = format!("returned {code}, which {} cannot", Hook::OnBody);
                Err(self.failed(Box::new(Failure::Contract(message))))
            }
            Err(failure) => Err(self.failed(failure)),
        }
    }

    /// The exchange as the guest sees it.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The body has ended, or the guest has seen enough: its instance serves others again. Returns what it noted about
    /// the exchange meanwhile.
    pub fn end(self) -> Attributes {
        self.pool.end_held(self.instance);
        self.exchange.attributes.since(&self.before)
    }

    fn failed(&self, failure: Box<Failure>) -> CallError {
        self.pool.plugin().blame(Hook::OnBody, failure)
    }
}

impl std::fmt::Debug for Streaming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streaming").field("plugin", self.pool.plugin().name()).finish_non_exhaustive()
    }
}
