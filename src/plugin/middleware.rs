use std::sync::Arc;

use gatewright_abi::hook;

use super::error::{CallError, Failure};
use super::instance::Hook;
use super::pool::Pool;
use crate::exchange::Exchange;

/// What a request-phase hook decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on to what stands behind.
    Continue,
    /// The guest answered; what stands behind does not run.
    Answered,
}

impl Pool {
    /// The middleware's request phase.
    ///
    /// # Errors
    /// [`CallError`] when the guest failed; the exchange is then as the guest left it.
    pub async fn on_request(&self, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
        let code = self.call(Hook::OnRequest, exchange).await?;
        flow(self, Hook::OnRequest, code, exchange)
    }

    /// The middleware's response phase.
    ///
    /// # Errors
    /// As [`Pool::on_request`].
    pub async fn on_response(&self, exchange: &mut Box<Exchange>) -> Result<(), CallError> {
        let code = self.call(Hook::OnResponse, exchange).await?;
        self.done(Hook::OnResponse, code)
    }

    /// A hook that can only go on.
    pub(super) fn done(&self, hook: Hook, code: i32) -> Result<(), CallError> {
        if code == hook::CONTINUE { Ok(()) } else { Err(self.broke(hook, code)) }
    }

    fn broke(&self, hook: Hook, code: i32) -> CallError {
        let failure = Failure::Contract(format!("returned {code}, which {hook} cannot"));
        CallError { plugin: Arc::clone(self.plugin().name()), hook, failure }
    }
}

/// What a request-phase hook's code means.
pub(super) fn flow(
    pool: &Pool,
    hook: Hook,
    code: i32,
    exchange: &mut Box<Exchange>,
) -> Result<Flow, CallError> {
    match (code, exchange.answer.is_some()) {
        (hook::CONTINUE, _) => {
            // An answer that the guest thought better of.
            exchange.answer = None;
            Ok(Flow::Continue)
        }
        (hook::ANSWERED, true) => Ok(Flow::Answered),
        (code, _) => Err(pool.broke(hook, code)),
    }
}
