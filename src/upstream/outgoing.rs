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
    pub upgrade: Option<&'a HeaderValue>,
    /// Whether the client waits to be asked for its body.
    pub expects: bool,
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
