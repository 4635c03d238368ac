use http::StatusCode;

/// What the server side has against a request before anybody looks at what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// It is not HTTP/1 as RFC 9112 has it, or could be read in more than one way.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// Its head took longer than `header_timeout`.
    #[error("its head took longer than `header_timeout`")]
    Late,
    /// Its target is longer than `max_uri`.
    #[error("its target is longer than `max_uri`")]
    LongTarget,
    /// Its head is larger than `max_head`.
    #[error("its head is larger than `max_head`")]
    LargeHead,
    /// Its head has more than `max_headers` fields.
    #[error("its head has more than `max_headers` fields")]
    ManyFields,
    /// Its body is in a transfer coding that a gateway cannot undo.
    #[error("a transfer coding other than chunked")]
    Coding,
    /// It asks for a tunnel, which a gateway does not dig.
    #[error("the method CONNECT is not served")]
    Connect,
    /// It asks for a tunnel of a protocol that a gateway knows nothing of (RFC 8441).
    #[error("an extended CONNECT for another protocol than WebSocket")]
    Protocol,
    /// It asks to be shown what was sent, cookies and what proxies added included.
    #[error("the method TRACE is not served")]
    Method,
    /// It expects what nobody here can promise.
    #[error("an expectation other than 100-continue")]
    Expectation,
    /// It is of another version of HTTP.
    #[error("a version other than HTTP/1.0 and HTTP/1.1")]
    Version,
}

impl Objection {
    /// The status that the client sees.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::LongTarget => StatusCode::URI_TOO_LONG,
            Self::LargeHead | Self::ManyFields => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Coding | Self::Connect | Self::Protocol => StatusCode::NOT_IMPLEMENTED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::Version => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}
