use std::rc::Rc;

use super::error::CallError;
use super::instance::Hook;
use super::middleware::{Flow, flow};
use super::pool::Pool;
use crate::exchange::Exchange;

impl Pool {
    /// The director rewrites the outgoing request and chooses where it goes.
    ///
    /// # Errors
    /// [`CallError`] when the guest failed; the exchange is then as the guest left it.
    pub async fn direct(self: &Rc<Self>, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
        let called = self.call(Hook::Direct, exchange).await?;
        flow(self, Hook::Direct, called, exchange)
    }
}
