//! The parts of an exchange that are not header fields.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use gatewright_abi::{Code, Part};
use http::header::HOST;
use http::{Method, Version};
use wasmtime::Caller;

use super::{Guest, result};
use crate::exchange::{self, Direction, Exchange, FieldName};
use crate::plugin::instance::Hook;
use crate::plugin::memory::split;

/// The longest path, query, host or key a guest may set.
const MAX_PART: usize = 16 * 1024;

pub(super) fn read(
    mut caller: Caller<'_, Guest>,
    part: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let Some(part) = Part::from_u32(part) else { return Ok(Code::Invalid as i32) };
    if let Err(code) = guest.in_exchange() {
        return Ok(code as i32);
    }
    match part_of(&guest.exchange, part) {
        Some(value) => Ok(memory.reply(out, capacity, &value)?),
        None => Ok(Code::NotFound as i32),
    }
}

pub(super) fn write(
    mut caller: Caller<'_, Guest>,
    part: u32,
    value: u32,
    value_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let Some(part) = Part::from_u32(part) else { return Ok(Code::Invalid as i32) };
    let value = memory.read(value, value_len)?;
    Ok(result(guest.set_part(part, value)))
}

fn part_of(exchange: &Exchange, part: Part) -> Option<Cow<'_, [u8]>> {
    let (request, direction) = (&exchange.request, &exchange.direction);
    Some(match part {
        Part::Method => borrowed(request.method.as_str()),
        Part::Path => borrowed(request.path()),
        Part::Query => borrowed(request.target.query()?),
        Part::Host => Cow::Borrowed(request.host()?.as_bytes()),
        Part::Upstream => borrowed(direction.upstream.as_deref().or(exchange.upstream.as_deref())?),
        Part::Endpoint => borrowed(direction.endpoint.as_deref()?),
        Part::HashKey => Cow::Borrowed(direction.hash_key.as_deref()?),
        Part::TimeoutMs => owned(&direction.timeout?.as_millis()),
        Part::ClientIp => owned(&exchange.client.ip()),
        Part::Scheme => borrowed(exchange.scheme.as_str()),
        Part::Route => borrowed(&exchange.route),
        Part::RequestId => Cow::Owned(exchange.id.digits().to_vec()),
        Part::Protocol => borrowed(protocol(request.version)),
    })
}

fn borrowed(text: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

fn owned(value: &impl ToString) -> Cow<'static, [u8]> {
    Cow::Owned(value.to_string().into_bytes())
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        _ => "HTTP/1.1",
    }
}

impl Guest {
    fn set_part(&mut self, part: Part, value: &[u8]) -> Result<i32, Code> {
        if value.len() > MAX_PART {
            return Err(Code::Limit);
        }
        match part {
            Part::Method | Part::Path | Part::Query | Part::Host if self.hook.is_request_phase() => {
                set_request(&mut self.exchange, part, value)?;
            }
            Part::Upstream | Part::Endpoint | Part::HashKey | Part::TimeoutMs
                if self.hook == Hook::Direct =>
            {
                direct(&mut self.exchange.direction, part, value)?;
            }
            _ => return Err(Code::Forbidden),
        }
        Ok(0)
    }
}

fn set_request(exchange: &mut Exchange, part: Part, value: &[u8]) -> Result<(), Code> {
    let request = &mut exchange.request;
    match part {
        Part::Method => request.method = method(value)?,
        Part::Path => request.set_path(value)?,
        Part::Query => request.set_query(Some(value).filter(|query| !query.is_empty()))?,
        _ => {
            if !is_host(value) {
                return Err(Code::Invalid);
            }
            exchange::set(&mut request.headers, &FieldName { name: HOST, is_hosts: false }, value)?;
            exchange.direction.host_set = true;
        }
    }
    Ok(())
}

/// CONNECT asks for another kind of exchange altogether; a guest cannot turn a request into one.
pub(super) fn method(value: &[u8]) -> Result<Method, Code> {
    let method = Method::from_bytes(value).map_err(|_| Code::Invalid)?;
    if method == Method::CONNECT { Err(Code::Forbidden) } else { Ok(method) }
}

pub(super) fn is_host(value: &[u8]) -> bool {
    !value.is_empty() && http::uri::Authority::try_from(value).is_ok_and(|host| !host.as_str().contains('@'))
}

fn direct(direction: &mut Direction, part: Part, value: &[u8]) -> Result<(), Code> {
    let text = || str::from_utf8(value).map(str::to_owned).map_err(|_| Code::Invalid);
    match part {
        Part::Upstream | Part::Endpoint if value.is_empty() => return Err(Code::Invalid),
        Part::Upstream => direction.upstream = Some(text()?),
        Part::Endpoint => direction.endpoint = Some(text()?),
        Part::HashKey => direction.hash_key = Some(Bytes::copy_from_slice(value)),
        _ => {
            let millis: NonZeroU64 = text()?.parse().map_err(|_| Code::Invalid)?;
            direction.timeout = Some(Duration::from_millis(millis.get()));
        }
    }
    Ok(())
}
