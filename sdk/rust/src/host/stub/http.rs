//! Requests of a plugin to upstreams, which the test's own functions answer.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use gatewright_abi::{Code, fields};

use super::check::{changeable, field_name, part_is_valid};
use super::head::packed;
use super::{Checked, Exchange, Fields};

/// A request that a plugin sent to an upstream.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) upstream: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
}

/// What an upstream made of a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) outcome: Checked<Response>,
    /// How long it took.
    pub(crate) takes: Duration,
}

/// An upstream's response.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) body: Vec<u8>,
}

/// A request on its way, or after it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) handle: u32,
    upstream: Upstream,
    pub(crate) request: Request,
    reply: Option<Reply>,
    is_closed: bool,
}

/// The upstreams that a test makes up, and what was asked of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbound {
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    pub(crate) calls: Vec<Call>,
}

/// What answers in the place of an upstream.
#[derive(Clone)]
pub(crate) struct Upstream(pub(crate) Rc<dyn Fn(&Request) -> Reply>);

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").finish_non_exhaustive()
    }
}

impl Call {
    /// What the upstream answers, unless its time is up before.
    pub(super) fn reply(&self) -> Reply {
        let reply = (self.upstream.0)(&self.request);
        match self.request.timeout {
            Some(timeout) if reply.takes >= timeout => Reply { outcome: Err(Code::Timeout), takes: timeout },
            _ => reply,
        }
    }

    pub(super) fn response(&self) -> Checked<&Response> {
        self.reply.as_ref().ok_or(Code::Forbidden)?.outcome.as_ref().map_err(|code| *code)
    }

    pub(super) fn header(&self, name: &[u8], index: u32) -> Checked<&[u8]> {
        let name = field_name(name)?;
        let mut values = self.response()?.fields.iter().filter(|field| field.0 == name);
        let value = values.nth(index.try_into().map_err(|_| Code::Invalid)?);
        value.map(|field| field.1.as_slice()).ok_or(Code::NotFound)
    }

    pub(super) fn headers(&self) -> Checked<Vec<u8>> {
        Ok(packed(self.response()?.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))))
    }
}

impl Exchange {
    pub(super) fn start_call(
        &mut self,
        upstream: &[u8],
        method: &[u8],
        target: &[u8],
        fields: &[u8],
        body: &[u8],
        timeout_ms: u32,
    ) -> Checked<usize> {
        self.in_service()?;
        let upstream = text(upstream)?;
        let answers = self.outbound.upstreams.get(&upstream).ok_or(Code::Forbidden)?.clone();
        let request = Request {
            upstream,
            method: check_method(method)?,
            target: check_target(target)?,
            fields: check_fields(fields)?,
            body: body.to_vec(),
            timeout: Some(timeout_ms).filter(|ms| *ms > 0).map(|ms| Duration::from_millis(ms.into())),
        };
        let handle = self.outbound.calls.len();
        let id = u32::try_from(handle).map_err(|_| Code::Limit)?;
        let call = Call { handle: id, upstream: answers, request, reply: None, is_closed: false };
        self.outbound.calls.push(call);
        Ok(handle)
    }

    /// Those that have not ended yet.
    pub(super) fn waiting_calls(&self) -> Vec<Call> {
        self.outbound.calls.iter().filter(|call| call.reply.is_none()).cloned().collect()
    }

    /// All of them have ended: as much time has passed as the longest took.
    pub(super) fn end_calls(&mut self, replies: Vec<(u32, Reply)>) {
        let took = replies.iter().map(|(_, reply)| reply.takes).max().unwrap_or_default();
        self.wall += took;
        self.monotonic += took;
        for (handle, reply) in replies {
            if let Some(call) = self.outbound.calls.iter_mut().find(|call| call.handle == handle) {
                call.reply = Some(reply);
            }
        }
    }

    pub(super) fn call(&self, handle: u32) -> Checked<&Call> {
        let mut calls = self.outbound.calls.iter();
        calls.find(|call| call.handle == handle && !call.is_closed).ok_or(Code::Invalid)
    }

    pub(super) fn close_call(&mut self, handle: u32) -> Checked<()> {
        self.call(handle)?;
        self.outbound.calls.iter_mut().filter(|call| call.handle == handle).for_each(|c| c.is_closed = true);
        Ok(())
    }
}

fn check_method(method: &[u8]) -> Checked<String> {
    if part_is_valid(gatewright_abi::Part::Method, method) { text(method) } else { Err(Code::Invalid) }
}

/// Path and query.
fn check_target(target: &[u8]) -> Checked<String> {
    let fits = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
    if target.starts_with(b"/") && target.iter().all(fits) { text(target) } else { Err(Code::Invalid) }
}

fn check_fields(packed: &[u8]) -> Checked<Fields> {
    fields::iter(packed)
        .map(|field| {
            let (name, value) = field.map_err(|_| Code::Invalid)?;
            changeable(name, value)
        })
        .collect()
}

fn text(bytes: &[u8]) -> Checked<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Code::Invalid)
}
