use gatewright_abi::Message;

use crate::body::Streaming;
use crate::error::done;
use crate::{Attributes, Body, BodyMut, BodyStream, Error, Headers, HeadersMut, Request, Result, host};

/// The response as it goes to the client: the upstream's, or the answer of a middleware, with what the plugins before
/// this one changed.
#[derive(Debug)]
pub struct Response {
    stream: Option<Streaming>,
    unused: bool,
}

impl Response {
    pub(crate) const fn of_exchange() -> Self {
        Self { stream: None, unused: false }
    }

    /// The hook is the trait's own, which does nothing.
    pub(crate) fn leave_unused(&mut self) {
        self.unused = true;
    }

    pub(crate) fn is_unused(&self) -> bool {
        self.unused
    }

    /// What the hook hands the body to.
    pub(crate) fn into_stream(self) -> Option<Streaming> {
        self.stream
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

    /// The body, as much of it as the hook asked for: see [`BodyMode`](crate::BodyMode).
    #[must_use]
    pub fn body(&self) -> Body {
        Body::of(Message::Response)
    }

    /// The body, to replace.
    #[must_use]
    pub fn body_mut(&mut self) -> BodyMut {
        BodyMut::of(Message::Response)
    }

    /// Sends the body through `transform` on its way, in a hook that asked for
    /// [`BodyMode::stream`](crate::BodyMode::stream). Where this is not called the body goes on untouched.
    pub fn stream(&mut self, transform: impl BodyStream + 'static) {
        self.stream = Some(Streaming::new(Message::Response, transform));
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
