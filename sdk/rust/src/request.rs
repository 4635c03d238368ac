use std::time::Duration;

use gatewright_abi::{Code, Message, Part};

use crate::body::Streaming;
use crate::error::done;
use crate::{Attributes, Body, BodyMut, BodyStream, Error, Headers, HeadersMut, Result, host, read};

/// The request as it goes to the upstream: the client's, with what the gateway and the plugins before this one changed.
#[derive(Debug)]
pub struct Request {
    stream: Option<Streaming>,
    unused: bool,
}

impl Request {
    /// The request of the exchange that the running hook serves.
    pub(crate) const fn of_exchange() -> Self {
        Self { stream: None, unused: false }
    }

    /// The same, where it has been sent and can only be read.
    pub(crate) const SENT: &Self = &Self { stream: None, unused: false };

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
        Headers::of(Message::Request)
    }

    /// The header fields, to change.
    #[must_use]
    pub fn headers_mut(&mut self) -> HeadersMut {
        HeadersMut::of(Message::Request)
    }

    /// The body, as much of it as the hook asked for: see [`BodyMode`](crate::BodyMode).
    #[must_use]
    pub fn body(&self) -> Body {
        Body::of(Message::Request)
    }

    /// The body, to replace.
    #[must_use]
    pub fn body_mut(&mut self) -> BodyMut {
        BodyMut::of(Message::Request)
    }

    /// Sends the body through `transform` on its way, in a hook that asked for
    /// [`BodyMode::stream`](crate::BodyMode::stream). Where this is not called the body goes on untouched.
    pub fn stream(&mut self, transform: impl BodyStream + 'static) {
        self.stream = Some(Streaming::new(Message::Request, transform));
    }

    /// What plugins noted about this exchange.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        Attributes::of_exchange()
    }

    /// `GET`.
    pub fn method(&self) -> Result<String> {
        required(Part::Method, "method")
    }

    /// Changes the method.
    pub fn set_method(&mut self, method: &str) -> Result<()> {
        set(Part::Method, "set method", method.as_bytes())
    }

    /// `/a/b%20c`: escaped as it goes over the wire, without the query.
    pub fn path(&self) -> Result<String> {
        required(Part::Path, "path")
    }

    /// Changes the path: escaped, from its first `/` on, without a query.
    pub fn set_path(&mut self, path: &str) -> Result<()> {
        set(Part::Path, "set path", path.as_bytes())
    }

    /// `x=1&y=2`, byte for byte and without the `?`; `None` where there is no `?`.
    pub fn query(&self) -> Result<Option<String>> {
        optional(Part::Query, "query")
    }

    /// Changes the query: escaped, without the `?`.
    pub fn set_query(&mut self, query: &str) -> Result<()> {
        set(Part::Query, "set query", query.as_bytes())
    }

    /// The `Host` that is sent to the upstream.
    pub fn host(&self) -> Result<String> {
        required(Part::Host, "host")
    }

    /// Changes the `Host` that is sent to the upstream.
    pub fn set_host(&mut self, host: &str) -> Result<()> {
        set(Part::Host, "set host", host.as_bytes())
    }

    /// The client's address, without the port.
    pub fn client_ip(&self) -> Result<String> {
        required(Part::ClientIp, "client address")
    }

    /// `http` or `https`: how the client spoke to the gateway.
    pub fn scheme(&self) -> Result<String> {
        required(Part::Scheme, "scheme")
    }

    /// `HTTP/1.1`: the client's protocol.
    pub fn protocol(&self) -> Result<String> {
        required(Part::Protocol, "protocol")
    }

    /// The route that matched: its name, or its path where it has none.
    pub fn route(&self) -> Result<String> {
        required(Part::Route, "route")
    }

    /// The gateway's identifier of this exchange: 32 lower-case hexadecimal digits.
    pub fn request_id(&self) -> Result<String> {
        required(Part::RequestId, "request id")
    }

    /// The name of the upstream, as far as it is known yet.
    pub fn upstream(&self) -> Result<Option<String>> {
        optional(Part::Upstream, "upstream")
    }

    /// The URL of the endpoint, as far as it is known yet.
    pub fn endpoint(&self) -> Result<Option<String>> {
        optional(Part::Endpoint, "endpoint")
    }
}

/// Where the request goes: what a [`Director`](crate::Director) chooses, and the route decides otherwise.
#[derive(Debug)]
pub struct Direction(());

impl Direction {
    pub(crate) const fn of_exchange() -> Self {
        Self(())
    }

    /// Sends the request to another upstream, by its name in the configuration.
    pub fn set_upstream(&mut self, name: &str) -> Result<()> {
        set(Part::Upstream, "choose upstream", name.as_bytes())
    }

    /// Sends the request to one endpoint of the upstream, by its URL as the configuration writes it.
    pub fn set_endpoint(&mut self, url: &str) -> Result<()> {
        set(Part::Endpoint, "choose endpoint", url.as_bytes())
    }

    /// Gives the balancer a key to hash. Balancers that do not hash take no notice of it.
    pub fn set_hash_key(&mut self, key: impl AsRef<[u8]>) -> Result<()> {
        set(Part::HashKey, "set hash key", key.as_ref())
    }

    /// Limits how long the upstream may take to answer; counted in milliseconds.
    pub fn set_timeout(&mut self, timeout: Duration) -> Result<()> {
        set(Part::TimeoutMs, "set timeout", timeout.as_millis().to_string().as_bytes())
    }
}

fn required(part: Part, what: &str) -> Result<String> {
    optional(part, what)?.ok_or_else(|| Error::refused(Code::NotFound, "read", what))
}

fn optional(part: Part, what: &str) -> Result<Option<String>> {
    let value = read::optional(read::read(|out| host::part(part, out)), "read", what)?;
    value.map(|value| read::text(value, "read", what)).transpose()
}

fn set(part: Part, what: &str, value: &[u8]) -> Result<()> {
    done(host::set_part(part, value), what, value.escape_ascii())
}
