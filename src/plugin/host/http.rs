//! Requests of the guest's own. Starting one only registers it: all of them are sent when the guest waits, and while it
//! waits it is suspended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use gatewright_abi::{Code, http as abi, import};
use http::header::{HOST, HeaderName};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Version};
use send_wrapper::SendWrapper;
use wasmtime::{AsContextMut, Caller, Linker};

use super::body::copy;
use super::head::{reply_head, unpack_head};
use super::part::{is_host, method};
use super::{Guest, result};
use crate::exchange::{self, OutboundCall, OutboundError, OutboundResponse, RequestHead, Sending};
use crate::plugin::instance::Hook;
use crate::plugin::memory::{length, split};

/// How often requests may go around through the gateway itself.
const MAX_HOPS: u32 = 4;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The fields of W3C Trace Context: whoever follows the exchange follows its guests' requests, too.
const TRACE: [HeaderName; 2] =
    [HeaderName::from_static("traceparent"), HeaderName::from_static("tracestate")];

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(
        import::HTTP,
        abi::START,
        |mut caller: Caller<'_, Guest>,
         upstream: u32,
         upstream_len: u32,
         method: u32,
         method_len: u32,
         target: u32,
         target_len: u32,
         fields: u32,
         fields_len: u32,
         body: u32,
         body_len: u32,
         timeout_ms: u32|
         -> wasmtime::Result<i32> {
            let (memory, guest) = split(&mut caller);
            let asked = Asked {
                upstream: memory.read(upstream, upstream_len)?,
                method: memory.read(method, method_len)?,
                target: memory.read(target, target_len)?,
                fields: memory.read(fields, fields_len)?,
                body: memory.read(body, body_len)?,
                timeout_ms,
            };
            Ok(result(guest.start(&asked)))
        },
    )?;
    linker
        .func_wrap_async(import::HTTP, abi::WAIT, |caller: Caller<'_, Guest>, ()| Box::new(wait(caller)))?;
    linker.func_wrap(import::HTTP, abi::STATUS, status)?;
    linker.func_wrap(import::HTTP, abi::GET, get)?;
    linker.func_wrap(import::HTTP, abi::ALL, all)?;
    linker.func_wrap(import::HTTP, abi::SIZE, size)?;
    linker.func_wrap(import::HTTP, abi::READ, read)?;
    linker.func_wrap(import::HTTP, abi::CLOSE, close)?;
    Ok(())
}

/// The requests that the running hook has started, each at the place that its handle names.
#[derive(Default)]
pub(in crate::plugin) struct Calls {
    all: Vec<Call>,
    /// Bytes of the bodies of those that are to be waited for.
    pending: usize,
}

enum Call {
    Started(SendWrapper<Sending>),
    Ended(Result<OutboundResponse, OutboundError>),
    Closed,
}

/// What the guest passed to `start`.
struct Asked<'a> {
    upstream: &'a [u8],
    method: &'a [u8],
    target: &'a [u8],
    fields: &'a [u8],
    body: &'a [u8],
    timeout_ms: u32,
}

impl Guest {
    fn start(&mut self, asked: &Asked<'_>) -> Result<i32, Code> {
        let upstream = str::from_utf8(asked.upstream).map_err(|_| Code::Forbidden)?;
        let granted = self.plugin.upstreams.iter().find(|granted| ***granted == *upstream);
        let upstream = Arc::clone(granted.filter(|_| self.hook != Hook::Init).ok_or(Code::Forbidden)?);
        let head = asked.head()?;
        let pending = self.calls.pending + asked.body.len();
        if pending > abi::MAX_BODY {
            return Err(Code::Limit);
        }
        self.count_call()?;
        let sending = self.sending(upstream, head, asked);
        self.calls.pending = pending;
        self.calls.all.push(Call::Started(SendWrapper::new(sending)));
        Ok(length(self.calls.all.len() - 1))
    }

    /// Counts one more request of this plugin on behalf of the exchange.
    fn count_call(&mut self) -> Result<(), Code> {
        let (name, limit) = (&self.plugin.name, self.plugin.limits.http_calls);
        let sent = &mut self.exchange.sent;
        let place = match sent.iter().position(|(known, _)| known == name) {
            Some(place) => place,
            None => {
                sent.push((Arc::clone(name), 0));
                sent.len() - 1
            }
        };
        match sent.get_mut(place) {
            Some((_, count)) if *count < limit => *count += 1,
            _ => return Err(Code::Limit),
        }
        Ok(())
    }

    fn sending(&self, upstream: Arc<str>, mut head: RequestHead, asked: &Asked<'_>) -> Sending {
        let exchange = &self.exchange;
        let Some(outlet) = &exchange.outlet else {
            // Outside of a gateway, as in `plugin bench`, there are no upstreams.
            return Box::pin(std::future::ready(Err(OutboundError::Unreachable)));
        };
        if exchange::hops(&exchange.request.headers) >= MAX_HOPS {
            return Box::pin(std::future::ready(Err(OutboundError::Loop)));
        }
        self.introduce(&mut head.headers);
        outlet.send(OutboundCall {
            upstream,
            head,
            body: Bytes::copy_from_slice(asked.body),
            timeout: (asked.timeout_ms > 0).then(|| Duration::from_millis(asked.timeout_ms.into())),
            max_body: self.plugin.limits.http_body,
            id: exchange.id,
            client: exchange.client,
            local: exchange.local,
        })
    }

    /// Says on whose behalf the request is sent.
    fn introduce(&self, headers: &mut HeaderMap) {
        let ours = &self.exchange.request.headers;
        headers.insert(exchange::CDN_LOOP, exchange::next_hop(ours));
        if !headers.contains_key(REQUEST_ID)
            && let Ok(id) = HeaderValue::from_bytes(&self.exchange.id.digits())
        {
            headers.insert(REQUEST_ID, id);
        }
        for name in TRACE {
            if let (false, Some(value)) = (headers.contains_key(&name), ours.get(&name)) {
                headers.insert(name, value.clone());
            }
        }
    }

    /// The response to read from.
    fn response(&self, handle: u32) -> Result<&OutboundResponse, Code> {
        match self.calls.all.get(handle as usize) {
            Some(Call::Ended(Ok(response))) => Ok(response),
            Some(Call::Ended(Err(error))) => Err((*error).into()),
            Some(Call::Started(_)) => Err(Code::Forbidden),
            Some(Call::Closed) | None => Err(Code::Invalid),
        }
    }
}

impl Calls {
    /// Forgets all of them. What has not ended is given up.
    pub(in crate::plugin) fn clear(&mut self) {
        self.all.clear();
        self.pending = 0;
    }

    /// Those that are still to be waited for, each with its place.
    fn take_started(&mut self) -> Vec<(usize, SendWrapper<Sending>)> {
        let started = |(place, call): (usize, &mut Call)| match std::mem::replace(call, Call::Closed) {
            Call::Started(sending) => Some((place, sending)),
            other => {
                *call = other;
                None
            }
        };
        self.pending = 0;
        self.all.iter_mut().enumerate().filter_map(started).collect()
    }

    fn ended(&mut self, place: usize, outcome: Result<OutboundResponse, OutboundError>) {
        if let Some(call) = self.all.get_mut(place) {
            *call = Call::Ended(outcome);
        }
    }
}

impl Asked<'_> {
    fn head(&self) -> Result<RequestHead, Code> {
        if self.target.len() > abi::MAX_TARGET || self.fields.len() > abi::MAX_FIELDS {
            return Err(Code::Limit);
        }
        let headers = unpack_head(self.fields)?;
        if headers.get(HOST).is_some_and(|host| !is_host(host.as_bytes())) {
            return Err(Code::Invalid);
        }
        Ok(RequestHead {
            method: method(self.method)?,
            target: target(self.target)?,
            version: Version::HTTP_11,
            headers,
        })
    }
}

/// Path and query. A fragment would silently be cut off by the parser.
fn target(target: &[u8]) -> Result<PathAndQuery, Code> {
    if target.first() != Some(&b'/') || target.contains(&b'#') {
        return Err(Code::Invalid);
    }
    PathAndQuery::try_from(target).map_err(|_| Code::Invalid)
}

async fn wait(mut caller: Caller<'_, Guest>) -> i32 {
    let guest = caller.data_mut();
    let started = guest.calls.take_started();
    if started.is_empty() {
        return 0;
    }
    let beat = guest.beat.clone();
    let paused = beat.as_ref().map(|beat| beat.pause());
    let all = join_all(started.into_iter().map(|(place, call)| async move { (place, call.await) }));
    let ended = all.await;
    drop(paused);
    let guest = caller.data_mut();
    ended.into_iter().for_each(|(place, outcome)| guest.calls.ended(place, outcome));
    // The ticks that passed meanwhile are others': the guest has not run.
    caller.as_context_mut().set_epoch_deadline(1);
    0
}

fn status(mut caller: Caller<'_, Guest>, handle: u32) -> i32 {
    result(caller.data_mut().response(handle).map(|response| i32::from(response.head.status.as_u16())))
}

fn get(
    mut caller: Caller<'_, Guest>,
    handle: u32,
    name: u32,
    name_len: u32,
    index: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let Ok(name) = str::from_utf8(memory.read(name, name_len)?) else { return Ok(Code::Invalid as i32) };
    let value = guest.response(handle).and_then(|response| {
        let mut values = response.head.headers.get_all(name).iter();
        values.nth(index as usize).ok_or(Code::NotFound)
    });
    match value {
        Ok(value) => Ok(memory.reply(out, capacity, value.as_bytes())?),
        Err(code) => Ok(code as i32),
    }
}

fn all(mut caller: Caller<'_, Guest>, handle: u32, out: u32, capacity: u32) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    match guest.response(handle) {
        Ok(response) => reply_head(&mut memory, &response.head.headers, out, capacity),
        Err(code) => Ok(code as i32),
    }
}

fn size(mut caller: Caller<'_, Guest>, handle: u32) -> i32 {
    result(caller.data_mut().response(handle).map(|response| length(response.body.len())))
}

fn read(
    mut caller: Caller<'_, Guest>,
    handle: u32,
    offset: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    match guest.response(handle) {
        Ok(response) => {
            let rest = response.body.get(offset as usize..).unwrap_or_default();
            Ok(copy(rest, memory.room(out, capacity)?))
        }
        Err(code) => Ok(code as i32),
    }
}

fn close(mut caller: Caller<'_, Guest>, handle: u32) -> i32 {
    match caller.data_mut().calls.all.get_mut(handle as usize) {
        None | Some(Call::Closed) => Code::Invalid as i32,
        Some(call) => {
            *call = Call::Closed;
            0
        }
    }
}

impl From<OutboundError> for Code {
    fn from(error: OutboundError) -> Self {
        match error {
            OutboundError::Timeout => Self::Timeout,
            OutboundError::Unreachable => Self::Unreachable,
            OutboundError::TooLarge => Self::Limit,
            OutboundError::Loop => Self::Loop,
        }
    }
}
