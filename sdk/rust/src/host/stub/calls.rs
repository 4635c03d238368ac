//! The functions of the other side of the border, see [`super::super`].

use gatewright_abi::{Code, Level, Message, Metric, Part};

use super::entries::Entries;
use super::http::Call;
use super::{Checked, EXCHANGE, Exchange, metrics};

fn read<T: AsRef<[u8]> + ?Sized>(value: Checked<&T>, out: &mut Vec<u8>) -> i32 {
    let value = match value {
        Ok(value) => value.as_ref(),
        Err(code) => return code as i32,
    };
    if value.len() <= out.capacity() {
        out.clear();
        out.extend_from_slice(value);
    }
    length(value.len())
}

fn change(change: impl FnOnce(&mut Exchange) -> Checked<()>) -> i32 {
    EXCHANGE.with_borrow_mut(|exchange| change(exchange)).map_or_else(|code| code as i32, |()| 0)
}

fn answer_of(answer: Checked<i32>) -> i32 {
    answer.unwrap_or_else(|code| code as i32)
}

fn length(len: usize) -> i32 {
    i32::try_from(len).unwrap_or(Code::Limit as i32)
}

/// As much of `bytes`, from `offset` on, as there is room for in `out`.
fn copy(bytes: &[u8], offset: usize, out: &mut Vec<u8>) -> i32 {
    let rest = bytes.get(offset..).unwrap_or_default();
    let count = rest.len().min(out.capacity());
    out.clear();
    out.extend(rest.iter().take(count));
    length(count)
}

pub(crate) fn header(message: Message, name: &[u8], index: u32, out: &mut Vec<u8>) -> i32 {
    EXCHANGE.with_borrow(|exchange| read(exchange.header(message, name, index), out))
}

pub(crate) fn set_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
    change(|exchange| exchange.set_header(message, name, value))
}

pub(crate) fn add_header(message: Message, name: &[u8], value: &[u8]) -> i32 {
    change(|exchange| exchange.add_header(message, name, value))
}

pub(crate) fn remove_header(message: Message, name: &[u8]) -> i32 {
    change(|exchange| exchange.remove_header(message, name))
}

pub(crate) fn all_headers(message: Message, out: &mut Vec<u8>) -> i32 {
    EXCHANGE.with_borrow(|exchange| read(exchange.all_headers(message).as_ref().map_err(|code| *code), out))
}

pub(crate) fn part(part: Part, out: &mut Vec<u8>) -> i32 {
    EXCHANGE.with_borrow(|exchange| read(exchange.get_part(part), out))
}

pub(crate) fn set_part(part: Part, value: &[u8]) -> i32 {
    change(|exchange| exchange.set_part(part, value))
}

pub(crate) fn status() -> i32 {
    answer_of(EXCHANGE.with_borrow(Exchange::status))
}

pub(crate) fn set_status(status: u32) -> i32 {
    change(|exchange| exchange.set_status(status))
}

pub(crate) fn answer(status: u32, fields: &[u8], body: &[u8]) -> i32 {
    change(|exchange| exchange.give_answer(status, fields, body))
}

pub(crate) fn attribute(name: &[u8], out: &mut Vec<u8>) -> i32 {
    EXCHANGE.with_borrow(|exchange| read(exchange.attribute(name), out))
}

pub(crate) fn set_attribute(name: &[u8], value: &[u8]) -> i32 {
    change(|exchange| exchange.set_attribute(name, value))
}

pub(crate) fn remove_attribute(name: &[u8]) -> i32 {
    change(|exchange| exchange.remove_attribute(name))
}

fn kv(call: impl FnOnce(&mut Entries) -> Checked<i32>) -> i32 {
    answer_of(EXCHANGE.with_borrow(|exchange| exchange.kv(call)))
}

pub(crate) fn kv_get(key: &[u8], out: &mut Vec<u8>) -> i32 {
    kv(|entries| Ok(read(entries.get(key), out)))
}

pub(crate) fn kv_put(key: &[u8], value: &[u8], ttl_ms: i64) -> i32 {
    kv(|entries| entries.put(key, value, ttl_ms).map(|()| 0))
}

pub(crate) fn kv_delete(key: &[u8]) -> i32 {
    kv(|entries| entries.delete(key).map(|()| 0))
}

pub(crate) fn kv_add(key: &[u8], delta: i64, ttl_ms: i64, sum: &mut i64) -> i32 {
    kv(|entries| {
        *sum = entries.add(key, delta, ttl_ms)?;
        Ok(0)
    })
}

pub(crate) fn kv_swap(key: &[u8], old: Option<&[u8]>, new: &[u8], ttl_ms: i64) -> i32 {
    kv(|entries| entries.swap(key, old, new, ttl_ms).map(i32::from))
}

/// Tests load plugins from configurations of their own; only a guest's `init` reads this one.
pub(crate) fn config(out: &mut Vec<u8>) -> i32 {
    read(Ok(b"{}"), out)
}

pub(crate) fn log(level: Level, line: &[u8]) {
    EXCHANGE.with_borrow_mut(|exchange| exchange.log(level, line));
}

pub(crate) fn log_enabled(level: Level) -> bool {
    EXCHANGE.with_borrow(|exchange| level <= exchange.log_level)
}

/// Tests see the error itself.
pub(crate) fn fail(_reason: &[u8]) {}

pub(crate) fn wall() -> i64 {
    EXCHANGE.with_borrow(|exchange| i64::try_from(exchange.wall.as_nanos()).unwrap_or(i64::MAX))
}

pub(crate) fn monotonic() -> i64 {
    EXCHANGE.with_borrow(|exchange| i64::try_from(exchange.monotonic.as_nanos()).unwrap_or(i64::MAX))
}

pub(crate) fn body_size(message: Message) -> i32 {
    EXCHANGE
        .with_borrow(|exchange| answer_of(exchange.window(message).map(|window| length(window.bytes.len()))))
}

pub(crate) fn body_read(message: Message, offset: usize, out: &mut Vec<u8>) -> i32 {
    EXCHANGE.with_borrow(|exchange| answer_of(exchange.window(message).map(|w| copy(&w.bytes, offset, out))))
}

pub(crate) fn body_whole(message: Message) -> i32 {
    EXCHANGE.with_borrow(|exchange| answer_of(exchange.window(message).map(|window| window.whole.into())))
}

pub(crate) fn body_replace(message: Message, bytes: &[u8]) -> i32 {
    change(|exchange| exchange.replace_body(message, bytes))
}

pub(crate) fn body_write(bytes: &[u8]) -> i32 {
    change(|exchange| exchange.write_body(bytes))
}

pub(crate) fn random(out: &mut [u8]) -> i32 {
    change(|exchange| exchange.fill_random(out))
}

pub(crate) fn metric_define(kind: Metric, name: &[u8], labels: &[u8]) -> i32 {
    answer_of(metrics::define(kind, name, labels))
}

pub(crate) fn metric_add(id: u32, value: f64) -> i32 {
    answer_of(metrics::add(id, value).map(|()| 0))
}

pub(crate) fn metric_set(id: u32, value: f64) -> i32 {
    answer_of(metrics::set(id, value).map(|()| 0))
}

pub(crate) fn metric_observe(id: u32, value: f64) -> i32 {
    answer_of(metrics::observe(id, value).map(|()| 0))
}

/// Tests say themselves when a tick comes.
pub(crate) fn every(period_ms: i64) -> i32 {
    if period_ms < 100 { Code::Invalid as i32 } else { 0 }
}

pub(crate) fn http_start(
    upstream: &[u8],
    method: &[u8],
    target: &[u8],
    fields: &[u8],
    body: &[u8],
    timeout_ms: u32,
) -> i32 {
    let started = EXCHANGE
        .with_borrow_mut(|exchange| exchange.start_call(upstream, method, target, fields, body, timeout_ms));
    answer_of(started.map(length))
}

pub(crate) fn http_wait() -> i32 {
    // The replies are the test's own functions: they run while nothing is borrowed.
    let waiting = EXCHANGE.with_borrow(Exchange::waiting_calls);
    let replies = waiting.into_iter().map(|call| (call.handle, call.reply())).collect();
    EXCHANGE.with_borrow_mut(|exchange| exchange.end_calls(replies));
    0
}

fn call(handle: u32, ask: impl FnOnce(&Call) -> Checked<i32>) -> i32 {
    answer_of(EXCHANGE.with_borrow(|exchange| ask(exchange.call(handle)?)))
}

pub(crate) fn http_status(handle: u32) -> i32 {
    call(handle, |call| call.response().map(|response| response.status.into()))
}

pub(crate) fn http_header(handle: u32, name: &[u8], index: u32, out: &mut Vec<u8>) -> i32 {
    call(handle, |call| Ok(read(call.header(name, index), out)))
}

pub(crate) fn http_headers(handle: u32, out: &mut Vec<u8>) -> i32 {
    call(handle, |call| Ok(read(Ok(&call.headers()?), out)))
}

pub(crate) fn http_size(handle: u32) -> i32 {
    call(handle, |call| call.response().map(|response| length(response.body.len())))
}

pub(crate) fn http_read(handle: u32, offset: usize, out: &mut Vec<u8>) -> i32 {
    call(handle, |call| call.response().map(|response| copy(&response.body, offset, out)))
}

pub(crate) fn http_close(handle: u32) -> i32 {
    change(|exchange| exchange.close_call(handle))
}
