use gatewright_abi::Message;

use crate::error::done;
use crate::{Attributes, Error, Headers, HeadersMut, Request, Result, host};

/// The response as it goes to the client: the upstream's, or the answer of a middleware, with what the plugins before
/// this one changed.
#[derive(Debug)]
pub struct Response(());

impl Response {
    pub(crate) const fn of_exchange() -> Self {
        Self(())
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> Headers {
        Headers::of(Message::Response)
    }

    /// The header fields, to change.
    #[must_use]
    pub fn headers_mut(&mut self) -> HeadersMut {
        HeadersMut::of(Message::Response)
    }

    /// The status.
    pub fn status(&self) -> Result<u16> {
        let answer = host::status();
        done(answer, "read", "status")?;
        u16::try_from(answer).map_err(Error::new)
    }

    /// Changes the status, to one of 200 to 599.
    pub fn set_status(&mut self, status: u16) -> Result<()> {
        done(host::set_status(status.into()), "set", "status")
    }

    /// The request as it went to the upstream, to read.
    #[must_use]
    pub fn request(&self) -> &Request {
        Request::SENT
    }

    /// What plugins noted about this exchange.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes::of_exchange()
    }
}
