use serde::Serialize;

use crate::error::done;
use crate::headers::pack;
use crate::{Result, host};

/// A whole response that a middleware gives by itself, instead of the upstream.
///
/// ```
/// use gatewright_sdk::prelude::*;
/// # fn main() -> Result<()> {
/// let denied = Answer::text(403, "not today\n").header("retry-after", "86400");
/// let problem = Answer::json(401, &json!({ "error": "no key" }))?;
/// let moved = Answer::redirect(308, "https://example.test/");
/// let flow: Flow = denied.into();
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    /// Packed as `gatewright_abi::fields` says.
    fields: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    /// An answer without a body. The status is one of 200 to 599.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, fields: Vec::new(), body: Vec::new() }
    }

    /// An answer in plain text.
    #[must_use]
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text.into())
    }

    /// An answer in HTML.
    #[must_use]
    pub fn html(status: u16, html: impl Into<String>) -> Self {
        Self::bytes(status, "text/html; charset=utf-8", html.into())
    }

    /// An answer in JSON; an error where `value` cannot be written as such.
    pub fn json(status: u16, value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(Self::bytes(status, "application/json", serde_json::to_vec(value)?))
    }

    /// An answer that sends the client elsewhere; the status is usually 302, 303, 307 or 308.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("location", location)
    }

    /// An answer of some content type.
    #[must_use]
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(status).body(body).header("content-type", content_type)
    }

    /// Sets the body and says nothing of its content type.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds a header field.
    ///
    /// The gateway checks it when the answer is given; `content-length` is the gateway's to set.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        pack(&mut self.fields, name.as_bytes(), value.as_ref());
        self
    }

    /// Gives it to the gateway.
    pub(crate) fn give(&self) -> Result<()> {
        done(host::answer(self.status.into(), &self.fields, &self.body), "answer with", self.status)
    }
}
