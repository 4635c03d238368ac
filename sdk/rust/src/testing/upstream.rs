use std::time::Duration;

use gatewright_abi::Code;
use serde::Serialize;

use super::outcome::{first, text};
use crate::host::stub::http::{self, Request};

/// A request that a plugin sent to an upstream: see [`TestRequest::upstream`](super::TestRequest::upstream).
#[derive(Clone, Debug)]
pub struct Sent(pub(super) Request);

impl Sent {
    /// The upstream's name.
    #[must_use]
    pub fn upstream(&self) -> &str {
        &self.0.upstream
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        text(first(&self.0.fields, name))
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// How long it may take, where the plugin said so.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        self.0.timeout
    }
}

/// What an upstream that a test makes up answers to a plugin.
#[derive(Clone, Debug)]
#[must_use]
pub struct Reply(pub(super) http::Reply);

impl Reply {
    /// A response with this status and nothing else.
    pub fn status(status: u16) -> Self {
        let response = http::Response { status, fields: Vec::new(), body: Vec::new() };
        Self(http::Reply { outcome: Ok(response), takes: Duration::ZERO })
    }

    /// A response in JSON.
    pub fn json(status: u16, value: &(impl Serialize + ?Sized)) -> Self {
        Self::status(status)
            .header("content-type", "application/json")
            .body(serde_json::to_vec(value).unwrap_or_default())
    }

    /// No response, for this reason: [`Code::Timeout`], [`Code::Unreachable`], [`Code::Limit`] or [`Code::Loop`].
    pub fn none(why: Code) -> Self {
        Self(http::Reply { outcome: Err(why), takes: Duration::ZERO })
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        if let Ok(response) = &mut self.0.outcome {
            response.fields.push((name.to_ascii_lowercase(), value.as_ref().to_vec()));
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Ok(response) = &mut self.0.outcome {
            response.body = body.into();
        }
        self
    }

    /// How long it takes: the clocks are set forward by as much. Where the plugin has less patience it is a timeout.
    pub fn takes(mut self, time: Duration) -> Self {
        self.0.takes = time;
        self
    }
}
