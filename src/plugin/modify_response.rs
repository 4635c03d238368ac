use std::rc::Rc;

use super::error::CallError;
use super::instance::Hook;
use super::middleware::Flow;
use super::pool::Pool;
use crate::exchange::Exchange;

impl Pool {
    /// Changes the upstream's response, before any middleware sees it. There is no answering here.
    ///
    /// # Errors
    /// [`CallError`] when the guest failed; the exchange is then as the guest left it.
    pub async fn modify_response(self: &Rc<Self>, exchange: &mut Box<Exchange>) -> Result<Flow, CallError> {
        let called = self.call(Hook::ModifyResponse, exchange).await?;
        self.done(Hook::ModifyResponse, called)
    }
}
