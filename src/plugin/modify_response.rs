use super::error::CallError;
use super::instance::Hook;
use super::pool::Pool;
use crate::exchange::Exchange;

impl Pool {
    /// Changes the upstream's response, before any middleware sees it.
    ///
    /// # Errors
    /// [`CallError`] when the guest failed; the exchange is then as the guest left it.
    pub async fn modify_response(&self, exchange: &mut Box<Exchange>) -> Result<(), CallError> {
        let code = self.call(Hook::ModifyResponse, exchange).await?;
        self.done(Hook::ModifyResponse, code)
    }
}
