use std::rc::Rc;

use gatewright_abi::hook;

use super::error::{CallError, Failure};
use super::instance::Hook;
use super::pool::{Called, Pool};
use super::streaming::Streaming;
use crate::exchange::Exchange;

/// What a hook decided.
#[derive(Debug)]
pub enum Flow {
    /// Go on to what stands behind.
    Continue,
    /// The guest answered; what stands behind does not run.
    Answered,
    /// Go on, with the body through the guest.
    Stream(Box<Streaming>),
}

impl Pool {
    /// The middleware's request phase.
    ///
    /// # Errors
    /// [`CallError`] when the guest failed; the exchange is then as the guest left it.
    pub async fn on_request(self: &Rc<Self>, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
        let called = self.call(Hook::OnRequest, exchange).await?;
        flow(self, Hook::OnRequest, called, exchange)
    }

    /// The middleware's response phase, in which there is no answering.
    ///
    /// # Errors
    /// As [`Pool::on_request`].
    pub async fn on_response(self: &Rc<Self>, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
        let called = self.call(Hook::OnResponse, exchange).await?;
        self.done(Hook::OnResponse, called)
    }

    /// A hook that can only go on.
    pub(super) fn done(&self, hook: Hook, called: Called) -> Result<Flow, CallError> {
        match called {
            Called::Ended(hook::CONTINUE) => Ok(Flow::Continue),
            Called::Ended(code) => Err(self.broke(hook, code)),
            Called::Streams(streaming) => Ok(Flow::Stream(streaming)),
        }
    }

    fn broke(&self, hook: Hook, code: i32) -> CallError {
        let failure = Box::new(Failure::Contract(format!("returned {code}, which {hook} cannot")));
        self.tally().failed(hook, &failure);
        self.plugin().blame(hook, failure)
    }
}

/// What a request-phase hook's code means.
pub(super) fn flow(
    pool: &Pool,
    hook: Hook,
    called: Called,
    exchange: &mut Box<Exchange>,
) -> Result<Flow, CallError> {
    let code = match called {
        Called::Ended(code) => code,
        Called::Streams(streaming) => {
            exchange.answer = None;
            return Ok(Flow::Stream(streaming));
        }
    };
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
