use std::time::Duration;

use http::StatusCode;

use super::body::BodyError;
use super::coding::CodingError;
use super::intake::Refusal;
use super::objection::Objection;
use crate::exchange::Side;
use crate::plugin::{CallError, Failure, Hook};
use crate::upstream::{ConnectError, Miss, Refused, WireError};

/// Why an exchange has no response of an upstream.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The request itself cannot be served.
    #[error("bad request: {0}")]
    BadRequest(&'static str),
    /// The request was refused before anybody looked at what it asks for.
    #[error("refused: {0}")]
    Refused(#[from] Objection),
    /// No route matches.
    #[error("no route matches")]
    NoRoute,
    /// Neither the route nor the director names an upstream that exists.
    #[error("no such upstream: {0}")]
    NoUpstream(String),
    /// The director chose an endpoint that the upstream does not have.
    #[error("upstream `{upstream}` has no endpoint {endpoint}")]
    UnknownEndpoint {
        /// The upstream.
        upstream: String,
        /// What the director asked for.
        endpoint: String,
    },
    /// No endpoint of the upstream is usable.
    #[error("no usable endpoint in upstream `{0}`")]
    NoEndpoint(String),
    /// The upstream has as many requests as it may.
    #[error("upstream `{upstream}`: {refused}")]
    Full {
        /// The upstream.
        upstream: String,
        /// Why it did not wait, or not longer.
        refused: Refused,
    },
    /// The system does not give a file, and not because there is none.
    #[error("cannot read a file of upstream `{upstream}`: {error}")]
    Files {
        /// The upstream.
        upstream: String,
        /// Why.
        error: std::io::Error,
    },
    /// No endpoint could be reached; the last one's reason.
    #[error("{endpoint}: {error}")]
    Unreachable {
        /// The endpoint.
        endpoint: String,
        /// Why.
        error: ConnectError,
    },
    /// There is nothing left to connect with, to no endpoint.
    #[error("{endpoint}: {error}")]
    Scarce {
        /// The endpoint that was to be connected to.
        endpoint: String,
        /// Why.
        error: ConnectError,
    },
    /// The endpoint broke the exchange, or answered what is not HTTP.
    #[error("{endpoint}: {error}")]
    Broken {
        /// The endpoint.
        endpoint: String,
        /// Why.
        error: WireError,
    },
    /// The head of the endpoint's response is larger than the upstream takes.
    #[error(
        "{endpoint}: the head of its response is larger than `max_response_head`, or has more than `max_response_headers` fields"
    )]
    LargeHead {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint's response could be read in more than one way.
    #[error("{endpoint}: {flaw}")]
    Doubtful {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        flaw: &'static str,
    },
    /// The endpoint changed protocols without being asked to.
    #[error("{endpoint}: switched protocols, which nobody asked for")]
    Unasked {
        /// The endpoint.
        endpoint: String,
    },
    /// The endpoint speaks HTTP/2, and has not said that it knows extended CONNECT.
    #[error("{endpoint}: no WebSocket over HTTP/2: the endpoint has not announced extended CONNECT")]
    NoWebSocket {
        /// The endpoint.
        endpoint: String,
    },
    /// The client asked for a tunnel over HTTP/2, and was given a response. Passed on, its body would be taken for what
    /// comes out of the tunnel.
    #[error(
        "answered {0} instead of switching to WebSocket, which an extended CONNECT would take for an open tunnel"
    )]
    NotSwitched(StatusCode),
    /// The endpoint took too long.
    #[error("{endpoint}: no response within {limit:?}")]
    Late {
        /// The endpoint.
        endpoint: String,
        /// The limit.
        limit: Duration,
    },
    /// The client's body ended early or broke while it was sent on.
    #[error("the client's body broke off: {0}")]
    ClientBody(WireError),
    /// The body is larger than the listener takes.
    #[error("the client's body is larger than `max_body`")]
    LargeBody,
    /// The exchange took longer than the listener allows.
    #[error("no response within {0:?}, the listener's `request_timeout`")]
    Overdue(Duration),
    /// The client paused for too long while it sent its body.
    #[error("the client paused for longer than `body_timeout` while it sent its body")]
    ClientPaused,
    /// A plugin failed.
    #[error(transparent)]
    Plugin(#[from] CallError),
    /// A plugin cannot have the body that it asked for.
    #[error("the {}'s body: {refusal}", side_name(*.side))]
    Body {
        /// Whose.
        side: Side,
        /// Why.
        refusal: Refusal,
    },
}

impl ProxyError {
    /// The status that the client sees: the only such mapping.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::ClientBody(_) => StatusCode::BAD_REQUEST,
            Self::ClientPaused => StatusCode::REQUEST_TIMEOUT,
            Self::LargeBody => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(refusal) => refusal.status(),
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoEndpoint(_) | Self::Full { .. } | Self::Scarce { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoUpstream(_)
            | Self::UnknownEndpoint { .. }
            | Self::Unreachable { .. }
            | Self::Broken { .. }
            | Self::LargeHead { .. }
            | Self::Doubtful { .. }
            | Self::NoWebSocket { .. }
            | Self::Unasked { .. } => StatusCode::BAD_GATEWAY,
            Self::NotSwitched(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Late { .. } | Self::Overdue(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::Files { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Plugin(error) => plugin_status(error),
            Self::Body { side, refusal } => body_status(*side, refusal),
        }
    }

    /// Whether the endpoint took too long.
    pub(super) fn is_late(&self) -> bool {
        matches!(self, Self::Late { .. })
    }

    /// How an endpoint failed to answer, where that is what happened.
    #[must_use]
    pub fn miss(&self) -> Option<Miss> {
        match self {
            Self::Unreachable { .. } => Some(Miss::Unreachable),
            Self::Broken { .. } | Self::Doubtful { .. } => Some(Miss::Broken),
            Self::Late { .. } => Some(Miss::Late),
            Self::LargeHead { .. } => Some(Miss::Large),
            _ => None,
        }
    }

    /// Whether the client's connection ends with the response: what it sends next may not be what it means.
    #[must_use]
    pub fn ends_connection(&self) -> bool {
        matches!(
            self,
            Self::Refused(_)
                | Self::BadRequest(_)
                | Self::ClientBody(_)
                | Self::ClientPaused
                | Self::LargeBody
        )
    }

    /// Whether the gateway's operator should hear of it: what clients do wrong is theirs.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.status().is_server_error() && !matches!(self, Self::Refused(_) | Self::NotSwitched(_))
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Request => "request",
        Side::Response => "response",
    }
}

/// A bad body of the client's is the client's mistake, one of the upstream's makes it a bad gateway.
fn body_status(side: Side, refusal: &Refusal) -> StatusCode {
    match (side, refusal) {
        (_, Refusal::Broken(BodyError::Plugin(error))) => plugin_status(error),
        (Side::Response, _) => StatusCode::BAD_GATEWAY,
        (_, Refusal::Broken(BodyError::Paused(_))) => StatusCode::REQUEST_TIMEOUT,
        (_, Refusal::TooLarge(_) | Refusal::Broken(BodyError::TooLarge)) => StatusCode::PAYLOAD_TOO_LARGE,
        (_, Refusal::Coding(error) | Refusal::Broken(BodyError::Coding(error))) => coding_status(error),
        (_, Refusal::Broken(_)) => StatusCode::BAD_REQUEST,
    }
}

fn coding_status(error: &CodingError) -> StatusCode {
    match error {
        CodingError::Unknown(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        CodingError::Malformed(_) => StatusCode::BAD_REQUEST,
        CodingError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
    }
}

/// A modify-response that refuses the upstream's response says that this response is bad. A plugin without a free
/// instance has them again soon.
fn plugin_status(error: &CallError) -> StatusCode {
    match (error.hook, &*error.failure) {
        (Hook::ModifyResponse, Failure::Refused { .. }) => StatusCode::BAD_GATEWAY,
        (_, Failure::Instances { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
