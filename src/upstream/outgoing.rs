use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// The head of a request as it goes to an endpoint. Lent, not copied: an exchange keeps its own.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query.
    pub target: &'a PathAndQuery,
    /// The fields. Those that frame the message or belong to the connection are passed over: they are written for the
    /// connection that it takes.
    pub headers: &'a HeaderMap,
    /// The `Host`, whatever the fields say.
    pub host: Option<&'a HeaderValue>,
    /// The protocol that the client wants to change to.
    pub upgrade: Option<Change<'a>>,
    /// Whether the client waits to be asked for its body.
    pub expects: bool,
}

/// A wish to speak another protocol from then on.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Which one, as `Upgrade` says it.
    pub protocol: &'a HeaderValue,
    /// Fields that the wish needs over HTTP/1, in place of others of their names.
    pub fields: &'a HeaderMap,
    /// Whether it is WebSocket, which HTTP/2 has a way to ask for, too.
    pub is_websocket: bool,
}

impl Outgoing<'_> {
    /// Whether a field of this name goes out as it is.
    pub(super) fn passes(&self, name: &HeaderName) -> bool {
        let ours = *name == HOST
            || *name == CONTENT_LENGTH
            || *name == TRANSFER_ENCODING
            || *name == CONNECTION
            || *name == UPGRADE;
        !ours && (self.expects || *name != EXPECT)
    }
}

/// Hears of interim responses (1xx), before the response.
pub trait Interims: Clone + Send + Sync + 'static {
    /// One came in.
    fn came(&self, status: StatusCode, headers: &HeaderMap);
}
