use std::time::Duration;

use gatewright_abi::Code;
use serde::Serialize;

use super::Response;
use super::response::Handle;
use crate::headers::pack;
use crate::{Error, Result, host};

/// A request to an upstream, before it is sent.
///
/// What is wrong with it, such as a header that is none, is told when it is sent.
#[derive(Clone, Debug)]
#[must_use = "it is not sent before `send`"]
pub struct Request {
    upstream: Box<str>,
    method: Box<str>,
    target: Box<str>,
    /// Packed as `gatewright_abi::fields` says.
    fields: Vec<u8>,
    body: Vec<u8>,
    timeout: Option<Duration>,
}

impl Request {
    pub(super) fn new(method: &str, upstream: &str, target: &str) -> Self {
        Self {
            upstream: upstream.into(),
            method: method.into(),
            target: target.into(),
            fields: Vec::new(),
            body: Vec::new(),
            timeout: None,
        }
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        pack(&mut self.fields, name.as_bytes(), value.as_ref());
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to JSON, and `content-type`; an error where `value` cannot be written as such.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Result<Self> {
        Ok(self.header("content-type", "application/json").body(serde_json::to_vec(value)?))
    }

    /// How long it may take until the response is there whole, counted in milliseconds; otherwise as long as the
    /// upstream's configuration says.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it and waits for the response.
    ///
    /// A response with any status is one. Where there is none the error's [code](Error::code) says why:
    /// [`Code::Timeout`], [`Code::Unreachable`], [`Code::Limit`] (it was too large) or [`Code::Loop`] (the gateway called
    /// itself too often).
    pub fn send(&self) -> Result<Response> {
        let started = self.start()?;
        super::wait()?;
        started.ended()
    }

    pub(super) fn start(&self) -> Result<Started> {
        let answer = host::http_start(
            self.upstream.as_bytes(),
            self.method.as_bytes(),
            self.target.as_bytes(),
            &self.fields,
            &self.body,
            self.millis(),
        );
        match u32::try_from(answer) {
            Ok(id) => Ok(Started { handle: Handle::of(id), upstream: self.upstream.clone() }),
            Err(_) => Err(refused(Code::from_i32(answer).unwrap_or(Code::Invalid), &self.upstream)),
        }
    }

    /// As the gateway counts, where 0 is the upstream's own.
    fn millis(&self) -> u32 {
        let millis = |timeout: Duration| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1);
        self.timeout.map_or(0, millis)
    }
}

/// A request on its way.
pub(super) struct Started {
    handle: Handle,
    upstream: Box<str>,
}

impl Started {
    /// What became of it, after the wait.
    pub(super) fn ended(self) -> Result<Response> {
        let answer = self.handle.status();
        match u16::try_from(answer) {
            Ok(status) => Ok(Response::new(self.handle, status)),
            Err(_) => Err(refused(Code::from_i32(answer).unwrap_or(Code::Invalid), &self.upstream)),
        }
    }
}

fn refused(code: Code, upstream: &str) -> Error {
    Error::refused(code, "request to upstream", upstream)
}
