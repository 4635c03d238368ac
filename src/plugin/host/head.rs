//! Message heads and what a director may choose.

use bytes::Bytes;
use gatewright_abi::{Code, Message, fields, head, import};
use http::header::HOST;
use http::{HeaderMap, HeaderValue, StatusCode};
use wasmtime::{Caller, Linker};

use super::{Guest, result};
use crate::exchange::{self, Answer, Exchange, FieldName, ResponseHead};
use crate::plugin::instance::Hook;
use crate::plugin::memory::{GuestMemory, length, split};

/// One of the ways to change a field.
type Change = fn(&mut HeaderMap, &FieldName, &[u8]) -> Result<(), exchange::FieldError>;

/// The most that one answer's body may be; larger bodies are what streaming is for.
const MAX_ANSWER: usize = 1 << 20;

pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(import::HEAD, head::GET, get)?;
    linker.func_wrap(import::HEAD, head::SET, set)?;
    linker.func_wrap(import::HEAD, head::ADD, add)?;
    linker.func_wrap(import::HEAD, head::REMOVE, remove)?;
    linker.func_wrap(import::HEAD, head::ALL, all)?;
    linker.func_wrap(import::HEAD, head::PART, super::part::read)?;
    linker.func_wrap(import::HEAD, head::SET_PART, super::part::write)?;
    linker.func_wrap(import::HEAD, head::STATUS, status)?;
    linker.func_wrap(import::HEAD, head::SET_STATUS, set_status)?;
    linker.func_wrap(import::HEAD, head::ANSWER, answer)?;
    Ok(())
}

fn get(
    mut caller: Caller<'_, Guest>,
    message: u32,
    name: u32,
    name_len: u32,
    index: u32,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let name = memory.read(name, name_len)?;
    match guest.header(message, name, index) {
        Ok(value) => {
            let value = value.as_bytes();
            Ok(memory.reply(out, capacity, value)?)
        }
        Err(code) => Ok(code as i32),
    }
}

fn set(
    mut caller: Caller<'_, Guest>,
    message: u32,
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (name, value) = (memory.read(name, name_len)?, memory.read(value, value_len)?);
    Ok(result(guest.change(message, name, value, exchange::set)))
}

fn add(
    mut caller: Caller<'_, Guest>,
    message: u32,
    name: u32,
    name_len: u32,
    value: u32,
    value_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (name, value) = (memory.read(name, name_len)?, memory.read(value, value_len)?);
    Ok(result(guest.change(message, name, value, exchange::add)))
}

fn remove(mut caller: Caller<'_, Guest>, message: u32, name: u32, name_len: u32) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let name = memory.read(name, name_len)?;
    Ok(result(guest.remove(message, name)))
}

fn all(mut caller: Caller<'_, Guest>, message: u32, out: u32, capacity: u32) -> wasmtime::Result<i32> {
    let (mut memory, guest) = split(&mut caller);
    let headers = match guest.headers(message) {
        Ok(headers) => headers,
        Err(code) => return Ok(code as i32),
    };
    reply_head(&mut memory, headers, out, capacity)
}

/// Answers with all of `headers` in one run of bytes, packed as [`fields`]: the length, and the bytes where they fit.
///
/// # Errors
/// Where the room is not in the guest's memory, which traps it.
pub fn reply_head(
    memory: &mut GuestMemory<'_>,
    headers: &HeaderMap,
    out: u32,
    capacity: u32,
) -> wasmtime::Result<i32> {
    let len = headers.iter().map(|(n, v)| fields::PREFIX + n.as_str().len() + v.len()).sum();
    let room = memory.room(out, capacity)?;
    if let Some(place) = room.get_mut(..len) {
        pack(headers, place);
    }
    Ok(length(len))
}

fn pack(headers: &HeaderMap, mut place: &mut [u8]) {
    use std::io::Write as _;
    for (name, value) in headers {
        let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
        let prefix = fields::prefix(length(name.len()).cast_unsigned(), length(value.len()).cast_unsigned());
        for bytes in [&prefix, name, value] {
            // The room was measured: writing into it cannot fail.
            let _ = place.write_all(bytes);
        }
    }
}

fn status(mut caller: Caller<'_, Guest>) -> i32 {
    match &caller.data_mut().exchange.response {
        Some(response) => i32::from(response.status.as_u16()),
        None => Code::Forbidden as i32,
    }
}

fn set_status(mut caller: Caller<'_, Guest>, status: u32) -> i32 {
    result(caller.data_mut().set_status(status))
}

fn answer(
    mut caller: Caller<'_, Guest>,
    status: u32,
    head: u32,
    head_len: u32,
    body: u32,
    body_len: u32,
) -> wasmtime::Result<i32> {
    let (memory, guest) = split(&mut caller);
    let (head, body) = (memory.read(head, head_len)?, memory.read(body, body_len)?);
    Ok(result(guest.answer(status, head, body)))
}

/// The head to read from. Requests can be read in every phase, responses once there is one.
fn readable(exchange: &Exchange, message: u32) -> Result<&HeaderMap, Code> {
    match Message::from_u32(message).ok_or(Code::Invalid)? {
        Message::Request => Ok(&exchange.request.headers),
        Message::Response => Ok(&exchange.response.as_ref().ok_or(Code::Forbidden)?.headers),
    }
}

/// The head to change: the request before it is sent, the response afterwards.
fn writable(exchange: &mut Exchange, hook: Hook, message: u32) -> Result<&mut HeaderMap, Code> {
    match Message::from_u32(message).ok_or(Code::Invalid)? {
        Message::Request if hook.is_request_phase() => Ok(&mut exchange.request.headers),
        Message::Response if hook.is_response_phase() => {
            Ok(&mut exchange.response.as_mut().ok_or(Code::Forbidden)?.headers)
        }
        Message::Request | Message::Response => Err(Code::Forbidden),
    }
}

impl Guest {
    fn headers(&self, message: u32) -> Result<&HeaderMap, Code> {
        self.in_exchange()?;
        readable(&self.exchange, message)
    }

    /// The `index`-th value of a field.
    fn header(&mut self, message: u32, name: &[u8], index: u32) -> Result<&HeaderValue, Code> {
        self.in_exchange()?;
        let headers = readable(&self.exchange, message)?;
        let name = &self.names.get(name)?.name;
        let value = match index {
            0 => headers.get(name),
            _ => headers.get_all(name).iter().nth(index as usize),
        };
        value.ok_or(Code::NotFound)
    }

    fn change(&mut self, message: u32, name: &[u8], value: &[u8], how: Change) -> Result<i32, Code> {
        self.spend(name.len() + value.len())?;
        let name = self.names.get(name)?;
        how(writable(&mut self.exchange, self.hook, message)?, &name, value)?;
        self.exchange.direction.host_set |= is_request_host(message, &name);
        Ok(0)
    }

    fn remove(&mut self, message: u32, name: &[u8]) -> Result<i32, Code> {
        let name = self.names.get(name)?;
        if is_request_host(message, &name) {
            return Err(Code::Forbidden);
        }
        let removed = exchange::remove(writable(&mut self.exchange, self.hook, message)?, &name)?;
        if removed { Ok(0) } else { Err(Code::NotFound) }
    }

    fn set_status(&mut self, status: u32) -> Result<i32, Code> {
        if !self.hook.is_response_phase() {
            return Err(Code::Forbidden);
        }
        let response = self.exchange.response.as_mut().ok_or(Code::Forbidden)?;
        let status = final_status(status)?;
        if framing(status) != framing(response.status) {
            // The body is on its way already: a status that forbids one cannot take it back, nor the other way around.
            return Err(Code::Forbidden);
        }
        response.status = status;
        Ok(0)
    }

    fn answer(&mut self, status: u32, head: &[u8], body: &[u8]) -> Result<i32, Code> {
        if !self.hook.is_request_phase() {
            return Err(Code::Forbidden);
        }
        if self.exchange.answer.is_some() {
            return Err(Code::Already);
        }
        if body.len() > MAX_ANSWER {
            return Err(Code::Limit);
        }
        self.spend(head.len())?;
        let head = ResponseHead { status: final_status(status)?, headers: unpack_head(head)? };
        self.exchange.answer = Some(Answer { head, body: Bytes::copy_from_slice(body) });
        Ok(0)
    }
}

/// The fields that a guest has packed, for a message of its own.
///
/// # Errors
/// `INVALID` where they are not well packed or are no fields, `FORBIDDEN` where one is the gateway's, `LIMIT` where there
/// are too many.
pub fn unpack_head(packed: &[u8]) -> Result<HeaderMap, Code> {
    let mut headers = HeaderMap::new();
    for field in fields::iter(packed) {
        let (name, value) = field.map_err(|_| Code::Invalid)?;
        exchange::add(&mut headers, &FieldName::parse(name)?, value)?;
    }
    Ok(headers)
}

/// A status that ends an exchange: 1xx are steps on the way, and above 599 there are none.
fn final_status(status: u32) -> Result<StatusCode, Code> {
    let status = u16::try_from(status).map_err(|_| Code::Invalid)?;
    match status {
        200..=599 => StatusCode::from_u16(status).map_err(|_| Code::Invalid),
        _ => Err(Code::Invalid),
    }
}

/// Whether a response of this status has no body by definition.
fn framing(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

fn is_request_host(message: u32, name: &FieldName) -> bool {
    message == Message::Request as u32 && name.name == HOST
}
