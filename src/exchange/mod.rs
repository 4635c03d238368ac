//! One request with its response, as plugins see it: heads, attributes, and what a director chose.
//!
//! Plain data. The proxy opens it, hands it to each plugin in turn, and reads back what they made of it. With it goes an
//! [`Outlet`] for requests of the plugins' own.

mod attributes;
mod cdn_loop;
mod fields;
mod hash_key;
mod id;
mod names;
mod outbound;
mod window;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

pub use attributes::Attributes;
pub use cdn_loop::{CDN_LOOP, hops, next as next_hop};
pub use fields::{FieldError, add, remove, set};
pub use hash_key::HashKey;
pub use id::RequestId;
pub use names::{FieldName, FieldNames};
pub use outbound::{Outbound, OutboundCall, OutboundError, OutboundResponse, Outlet, Sending};
pub use window::{Access, Side, Window};

/// What one exchange carries from its first byte to its last.
#[derive(Debug)]
pub struct Exchange {
    /// Unique to this exchange; in every log line about it.
    pub id: RequestId,
    /// The other end of the client's connection.
    pub client: SocketAddr,
    /// What it connected to; unspecified where that is not known.
    pub local: SocketAddr,
    /// How the client speaks HTTP.
    pub scheme: Scheme,
    /// The name of the route that matched, or its path where it has none.
    pub route: Arc<str>,
    /// The name of the route's upstream: where the request goes unless a director chooses.
    pub upstream: Option<Arc<str>>,
    /// The request as it will go (or went) to the upstream.
    pub request: RequestHead,
    /// The response as it will go to the client, once there is one.
    pub response: Option<ResponseHead>,
    /// Notes of plugins to each other and to the access log.
    pub attributes: Attributes,
    /// What the director chose.
    pub direction: Direction,
    /// What a plugin answered instead of the upstream.
    pub answer: Option<Answer>,
    /// What the guest that is being called sees of a body.
    pub window: Option<Window>,
    /// How many bytes of head and attributes guests may still add.
    pub allowance: usize,
    /// What sends its guests' own requests, where a plugin may have any.
    pub outlet: Option<Outlet>,
    /// How many each plugin has sent, by its name.
    pub sent: Vec<(Arc<str>, u32)>,
}

/// How a client speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Through TLS.
    Https,
}

impl Scheme {
    /// As it stands in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The address of nobody, and one that is not known.
pub const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Bytes of head and attributes that all guests of one exchange may add together.
pub const GUEST_ALLOWANCE: usize = 256 * 1024;

/// The head of the outgoing request.
#[derive(Clone, Debug)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// Path and query as they go over the wire.
    pub target: PathAndQuery,
    /// The client's protocol version.
    pub version: Version,
    /// The fields, `Host` among them.
    pub headers: HeaderMap,
}

/// The head of the response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The fields.
    pub headers: HeaderMap,
}

/// Where a director wants the request to go. What it leaves open, the route and the balancer decide.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// The upstream's name.
    pub upstream: Option<String>,
    /// The endpoint's URL as the configuration writes it.
    pub endpoint: Option<String>,
    /// The key for a balancer that hashes.
    pub hash_key: Option<Bytes>,
    /// How long the upstream may take to answer.
    pub timeout: Option<Duration>,
    /// Whether a plugin set the `Host` (then the upstream's own `host` does not replace it).
    pub host_set: bool,
}

/// A response made by a plugin.
#[derive(Debug)]
pub struct Answer {
    /// Its head.
    pub head: ResponseHead,
    /// Its body.
    pub body: Bytes,
}

impl Exchange {
    /// An exchange without content, to stand where a real one was taken from.
    #[must_use]
    pub fn vacant() -> Self {
        let request = RequestHead {
            method: Method::GET,
            target: PathAndQuery::from_static("/"),
            version: Version::HTTP_11,
            headers: HeaderMap::new(),
        };
        Self::open(RequestId::NIL, NOWHERE, Arc::from(""), request)
    }

    /// Opens the exchange of `request`.
    #[must_use]
    pub fn open(id: RequestId, client: SocketAddr, route: Arc<str>, request: RequestHead) -> Self {
        Self {
            id,
            client,
            local: NOWHERE,
            scheme: Scheme::Http,
            route,
            upstream: None,
            request,
            response: None,
            attributes: Attributes::default(),
            direction: Direction::default(),
            answer: None,
            window: None,
            allowance: GUEST_ALLOWANCE,
            outlet: None,
            sent: Vec::new(),
        }
    }
}

impl Exchange {
    /// A copy for a guest that goes on while the exchange does: it sees the heads as they are now.
    #[must_use]
    pub fn shadow(&self) -> Self {
        Self {
            id: self.id,
            client: self.client,
            local: self.local,
            scheme: self.scheme,
            route: Arc::clone(&self.route),
            upstream: self.upstream.clone(),
            request: self.request.clone(),
            response: self.response.clone(),
            attributes: self.attributes.clone(),
            direction: self.direction.clone(),
            answer: None,
            window: None,
            allowance: self.allowance,
            outlet: self.outlet.clone(),
            sent: self.sent.clone(),
        }
    }
}

/// What a guest can change of an exchange, put aside so that a failed guest can be undone.
#[derive(Debug)]
pub struct Saved {
    request: RequestHead,
    response: Option<ResponseHead>,
    attributes: Attributes,
    direction: Direction,
    allowance: usize,
}

impl Exchange {
    /// Puts aside what a guest can change.
    #[must_use]
    pub fn save(&self) -> Saved {
        Saved {
            request: self.request.clone(),
            response: self.response.clone(),
            attributes: self.attributes.clone(),
            direction: self.direction.clone(),
            allowance: self.allowance,
        }
    }

    /// Undoes what a guest changed since.
    pub fn restore(&mut self, saved: Saved) {
        self.request = saved.request;
        self.response = saved.response;
        self.attributes = saved.attributes;
        self.direction = saved.direction;
        self.allowance = saved.allowance;
        self.answer = None;
    }
}

impl RequestHead {
    /// The escaped path, without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// The `Host` field.
    #[must_use]
    pub fn host(&self) -> Option<&HeaderValue> {
        self.headers.get(HOST)
    }

    /// Replaces the path and keeps the query.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where it is no absolute path.
    pub fn set_path(&mut self, path: &[u8]) -> Result<(), FieldError> {
        if path.first() != Some(&b'/') || path.contains(&b'?') {
            return Err(FieldError::Invalid);
        }
        self.set_target(path, self.target.query().map(str::to_owned).as_deref().map(str::as_bytes))
    }

    /// Replaces the query; `None` takes it away together with its `?`.
    ///
    /// # Errors
    /// [`FieldError::Invalid`] where it holds bytes that a query cannot.
    pub fn set_query(&mut self, query: Option<&[u8]>) -> Result<(), FieldError> {
        let path = self.target.path().to_owned();
        self.set_target(path.as_bytes(), query)
    }

    fn set_target(&mut self, path: &[u8], query: Option<&[u8]>) -> Result<(), FieldError> {
        let mut target = Vec::with_capacity(path.len() + query.map_or(0, |q| q.len() + 1));
        target.extend_from_slice(path);
        if let Some(query) = query {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        // A fragment would silently be cut off by the parser; nothing of a request's target may vanish.
        if target.contains(&b'#') {
            return Err(FieldError::Invalid);
        }
        self.target =
            PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| FieldError::Invalid)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_path_keeps_the_query_byte_for_byte() {
        let mut exchange = Exchange::vacant();
        exchange.request.target = PathAndQuery::from_static("/old?a=%2F&&b");
        exchange.request.set_path(b"/new%20one").unwrap();
        assert_eq!(exchange.request.target.as_str(), "/new%20one?a=%2F&&b");
    }

    #[test]
    fn a_path_that_would_become_something_else_is_refused() {
        let mut exchange = Exchange::vacant();
        for path in [&b"no-slash"[..], b"/a?b", b"/a#b", b"/a b", b"/a\r\nb", b"", b"/\xff"] {
            assert_eq!(exchange.request.set_path(path), Err(FieldError::Invalid), "{path:?}");
        }
    }

    #[test]
    fn an_absent_query_is_not_an_empty_one() {
        let mut exchange = Exchange::vacant();
        exchange.request.set_query(Some(b"")).unwrap();
        assert_eq!(exchange.request.target.as_str(), "/?");
        exchange.request.set_query(None).unwrap();
        assert_eq!(exchange.request.target.as_str(), "/");
    }
}
