//! The contract between the Gatewright host and its Wasm guests, shared by the host and the Rust SDK.
//!
//! Everything that crosses the border is a number or a run of bytes in the guest's memory. This crate holds the names,
//! the codes and the packing; `docs/abi.md` says what each call means.
//!
//! # Conventions
//!
//! - Pointers, lengths and capacities are `u32`; results are `i32` (a length or a count when `>= 0`, a [`Code`] when
//!   negative).
//! - *Reading*: the guest passes `(pointer, capacity)`; the host returns the length of the value. Where it is larger
//!   than the capacity nothing was written: ask again with that much room.
//! - A range outside the guest's memory traps the guest. Every other bad argument is answered with a [`Code`].
//! - Bytes are bytes: nothing is assumed to be UTF-8 unless its description says so.

#![no_std]

/// The version of this contract. It is part of the name of the marker export, [`export::MARKER`].
pub const VERSION: u32 = 1;

/// What a guest exports, besides its memory. All functions take no arguments.
pub mod export {
    /// The guest's linear memory.
    pub const MEMORY: &str = "memory";
    /// What every marker begins with, whatever its version.
    pub const MARKER_PREFIX: &str = "gatewright_abi_";
    /// `() -> ()`, never called: its presence says which version the guest speaks.
    pub const MARKER: &str = "gatewright_abi_1";
    /// `() -> i64`: a [`packed`](super::pack) range that holds the manifest as JSON.
    pub const MANIFEST: &str = "gatewright_manifest";
    /// `() -> i32`: called once per instance, before any hook. `0`, or negative to refuse.
    pub const INIT: &str = "gatewright_init";
    /// `() -> i32`: the director's hook.
    pub const DIRECT: &str = "gatewright_direct";
    /// `() -> i32`: the middleware's request phase.
    pub const ON_REQUEST: &str = "gatewright_on_request";
    /// `() -> i32`: the middleware's response phase.
    pub const ON_RESPONSE: &str = "gatewright_on_response";
    /// `() -> i32`: the modify-response hook.
    pub const MODIFY_RESPONSE: &str = "gatewright_modify_response";
    /// `() -> i32`: a piece of the body that a hook of this instance chose to stream is at hand, or its end.
    pub const ON_BODY: &str = "gatewright_on_body";
    /// `() -> i32`: the period asked for with [`timer::EVERY`](super::timer::EVERY) has passed.
    pub const ON_TICK: &str = "gatewright_on_tick";
}

/// What a hook returns.
pub mod hook {
    /// Go on.
    pub const CONTINUE: i32 = 0;
    /// The guest has answered by itself (`head::ANSWER`); only from a request-phase hook.
    pub const ANSWERED: i32 = 1;
    /// Hand the body to this instance piece by piece; only from a hook whose manifest says `stream`. The instance then
    /// stays with the exchange until the body has ended.
    pub const STREAM: i32 = 2;
    /// The rest of the body goes on untouched; only from [`export::ON_BODY`](super::export::ON_BODY).
    pub const DONE: i32 = 3;
    /// Go on, and leave this hook out from now on: it is exported, but never does anything. Only from
    /// [`export::ON_REQUEST`](super::export::ON_REQUEST) and [`export::ON_RESPONSE`](super::export::ON_RESPONSE).
    pub const UNUSED: i32 = 4;
    /// The hook failed; the reason was given with `log::FAIL`. Any other negative number means the same.
    pub const FAILED: i32 = -1;
}

/// The import modules: one for each capability. What a guest imports is what it asks for.
pub mod import {
    /// Message heads and the choices of a director. Everybody's.
    pub const HEAD: &str = "gatewright_head";
    /// Per-exchange attributes. Everybody's.
    pub const ATTRIBUTES: &str = "gatewright_attributes";
    /// The plugin's configuration. Everybody's.
    pub const CONFIG: &str = "gatewright_config";
    /// Log lines, and the reason of a failure. Everybody's.
    pub const LOG: &str = "gatewright_log";
    /// Wall and monotonic time. Everybody's.
    pub const CLOCK: &str = "gatewright_clock";
    /// Message bodies, as far as the manifest asks for them. Everybody's.
    pub const BODY: &str = "gatewright_body";
    /// Random bytes. Everybody's.
    pub const RANDOM: &str = "gatewright_random";
    /// Counters, gauges and histograms. Everybody's.
    pub const METRICS: &str = "gatewright_metrics";
    /// Periodic calls. Everybody's.
    pub const TIMER: &str = "gatewright_timer";
    /// The key-value store. To be granted: `allow = ["kv"]`.
    pub const KV: &str = "gatewright_kv";
    /// Requests to upstreams. To be granted for each upstream: `allow = ["http:NAME"]`.
    pub const HTTP: &str = "gatewright_http";
    /// What the name of every import module begins with.
    pub const PREFIX: &str = "gatewright_";
}

/// Functions of [`import::HEAD`].
pub mod head {
    /// `(message, name, name_len, index, out, cap) -> len`: the `index`-th value of a header.
    pub const GET: &str = "get";
    /// `(message, name, name_len, value, value_len) -> 0`: replace all values of a header by one.
    pub const SET: &str = "set";
    /// `(message, name, name_len, value, value_len) -> 0`: add a value and keep those there are.
    pub const ADD: &str = "add";
    /// `(message, name, name_len) -> 0 | NOT_FOUND`: remove all values of a header.
    pub const REMOVE: &str = "remove";
    /// `(message, out, cap) -> len`: all headers in one run of bytes, see [`fields`](super::fields).
    pub const ALL: &str = "all";
    /// `(part, out, cap) -> len`: read a [`Part`](super::Part).
    pub const PART: &str = "part";
    /// `(part, value, value_len) -> 0`: change a [`Part`](super::Part).
    pub const SET_PART: &str = "set_part";
    /// `() -> status`: the response's status.
    pub const STATUS: &str = "status";
    /// `(status) -> 0`: change the response's status (200 to 599).
    pub const SET_STATUS: &str = "set_status";
    /// `(status, fields, fields_len, body, body_len) -> 0`: answer instead of the upstream. The hook then returns
    /// [`hook::ANSWERED`](super::hook::ANSWERED).
    pub const ANSWER: &str = "answer";
}

/// Functions of [`import::ATTRIBUTES`]. Names are UTF-8, values are bytes.
pub mod attributes {
    /// `(name, name_len, out, cap) -> len`.
    pub const GET: &str = "get";
    /// `(name, name_len, value, value_len) -> 0`.
    pub const SET: &str = "set";
    /// `(name, name_len) -> 0 | NOT_FOUND`.
    pub const REMOVE: &str = "remove";
}

/// Functions of [`import::CONFIG`].
pub mod config {
    /// `(out, cap) -> len`: the configuration as JSON, `{}` where there is none.
    pub const READ: &str = "read";
}

/// Functions of [`import::LOG`]. Text that is not UTF-8 is shown with replacement characters.
pub mod log {
    /// `(level, text, text_len) -> 0`: a line in the gateway's log; the level is a [`Level`](super::Level).
    pub const WRITE: &str = "write";
    /// `(level) -> 0 | 1`: whether a line of this level would be written.
    pub const ENABLED: &str = "enabled";
    /// `(text, text_len) -> 0`: why the hook (or `init`) that is running is about to fail.
    pub const FAIL: &str = "fail";
}

/// Functions of [`import::CLOCK`].
pub mod clock {
    /// `() -> i64`: nanoseconds since the Unix epoch.
    pub const WALL: &str = "wall";
    /// `() -> i64`: nanoseconds since some fixed moment of the gateway's life; never goes back.
    pub const MONOTONIC: &str = "monotonic";
}

/// Functions of [`import::BODY`].
///
/// The manifest's `bodies` says for each hook how it wants the body of its message: the request's for `on_request` and
/// `direct`, the response's for `on_response` and `modify_response`.
///
/// ```json
/// { "bodies": { "on_request": { "mode": "peek", "bytes": 4096 },
///               "on_response": { "mode": "stream", "content": "decoded" } } }
/// ```
///
/// - `peek`: the hook runs when the first `bytes` are at hand, or all there are. It cannot change them.
/// - `buffer`: the hook runs when the whole body is at hand, up to the plugin's `limits.body`. It may replace it.
/// - `stream`: the hook runs on the head alone. Where it returns [`hook::STREAM`](super::hook::STREAM),
///   [`export::ON_BODY`](super::export::ON_BODY) of the same instance is called for each piece.
///
/// `content` is `raw` (the default: bytes as they are on the wire), `decoded` (without its content coding; what the guest
/// makes of it is sent on without one) or `recoded` (what the guest makes of it gets the same coding again).
///
/// Where the hook has not asked for the body, all of these answer `FORBIDDEN`.
pub mod body {
    /// `(message) -> len`: how many bytes are at hand: the first ones, all, or a piece.
    pub const SIZE: &str = "size";
    /// `(message, offset, out, cap) -> count`: copy at most `cap` of the bytes at hand, from `offset` on.
    pub const READ: &str = "read";
    /// `(message) -> 0 | 1`: whether nothing follows what is at hand.
    pub const WHOLE: &str = "whole";
    /// `(message, bytes, len) -> 0 | LIMIT`: replace the whole body; only with `buffer`. What is read from then on is
    /// the new one.
    pub const REPLACE: &str = "replace";
    /// `(bytes, len) -> 0 | LIMIT`: send these bytes on; only in `on_body`. What is not written is gone.
    pub const WRITE: &str = "write";
}

/// Functions of [`import::RANDOM`].
pub mod random {
    /// `(out, len) -> 0 | LIMIT`: fill with random bytes that nobody can foretell; at most [`MAX`] of them.
    pub const FILL: &str = "fill";

    /// Bytes of one call.
    pub const MAX: usize = 64 * 1024;
}

/// Functions of [`import::METRICS`].
///
/// A series is a name with labels, shared by all instances of the plugin and kept from reload to reload. It appears as
/// `gatewright_guest_NAME{plugin="PLUGIN", …}`.
pub mod metrics {
    /// `(kind, name, name_len, labels, labels_len) -> id`: a series of this [`Metric`](super::Metric) kind, made where
    /// there is none. Names and the names of labels are `[a-zA-Z_][a-zA-Z0-9_]*`; labels are packed as
    /// [`fields`](super::fields). `INVALID` where the name is in use for another kind; `LIMIT` where the plugin has too
    /// many. An id is good for the instance that asked.
    pub const DEFINE: &str = "define";
    /// `(id, value: f64) -> 0`: add to a counter (not less than 0) or a gauge.
    pub const ADD: &str = "add";
    /// `(id, value: f64) -> 0`: set a gauge.
    pub const SET: &str = "set";
    /// `(id, value: f64) -> 0`: count a value in a histogram.
    pub const OBSERVE: &str = "observe";
}

/// Functions of [`import::TIMER`].
pub mod timer {
    /// `(period_ms: i64) -> 0 | INVALID`: have [`export::ON_TICK`](super::export::ON_TICK) called when the plugin has
    /// come into service and once in each period from then on, on one instance for the whole gateway, which serves no
    /// exchange. Only in `init`, elsewhere `FORBIDDEN`; the last call counts. What `init` asked for when the plugin was
    /// loaded holds for as long as it is in service.
    pub const EVERY: &str = "every";

    /// The shortest period.
    pub const MIN_PERIOD_MS: i64 = 100;
    /// The longest period: 365 days.
    pub const MAX_PERIOD_MS: i64 = 365 * 24 * 3600 * 1000;
}

/// Functions of [`import::HTTP`].
///
/// A hook starts any number of requests, up to a limit, and waits for all of them; the guest is suspended meanwhile, which
/// does not count as running. Whatever is not closed by then ends with the hook. Everything is `FORBIDDEN` in `init`.
///
/// - The gateway adds to each request: `Host` where there is none, `x-request-id` with the exchange's identifier,
///   the exchange's `traceparent` and `tracestate` (each unless the guest set it), and `CDN-Loop`.
/// - The calls that read a response answer `INVALID` where the handle means none or was closed, `FORBIDDEN` where it was
///   not waited for, and where there is no response why not: `TIMEOUT`, `UNREACHABLE` (no connection, or it broke),
///   `LIMIT` (the body was larger than the plugin's `limits.http_body`) or `LOOP` (the gateway called itself too often).
pub mod http {
    /// `(upstream, upstream_len, method, method_len, target, target_len, fields, fields_len, body, body_len,
    /// timeout_ms) -> handle`: a request to an upstream, which is sent by [`WAIT`]. `target` is path and query, `fields`
    /// are packed as [`fields`](super::fields). `timeout_ms` is for all of it, the response's body included; 0 leaves it
    /// to the upstream: its `response_timeout`, once for the head and once for the body.
    ///
    /// `FORBIDDEN` where the upstream was not granted, for `CONNECT`, and for a field that only the host sets;
    /// `INVALID` for a method, a target or a field that is none; `LIMIT` where the plugin has made too many on behalf of
    /// this exchange (`limits.http_calls`), or what it passed is longer than [`MAX_TARGET`], [`MAX_FIELDS`] or
    /// [`MAX_BODY`].
    pub const START: &str = "start";
    /// `() -> 0`: send every request that was started, all at once, and wait until the last has ended, well or not.
    pub const WAIT: &str = "wait";
    /// `(handle) -> status`: the response's status.
    pub const STATUS: &str = "status";
    /// `(handle, name, name_len, index, out, cap) -> len | NOT_FOUND`: the `index`-th value of a header of the response.
    pub const GET: &str = "get";
    /// `(handle, out, cap) -> len`: all headers of the response, packed as [`fields`](super::fields).
    pub const ALL: &str = "all";
    /// `(handle) -> len`: bytes of the response's body.
    pub const SIZE: &str = "size";
    /// `(handle, offset, out, cap) -> count`: copy at most `cap` bytes of the response's body, from `offset` on; 0 behind
    /// its end.
    pub const READ: &str = "read";
    /// `(handle) -> 0`: forget the request and its response. One that was not waited for is never sent.
    pub const CLOSE: &str = "close";

    /// Bytes of the longest target.
    pub const MAX_TARGET: usize = 16 * 1024;
    /// Bytes that the packed fields may have.
    pub const MAX_FIELDS: usize = 64 * 1024;
    /// Bytes that the bodies of all requests may have which one [`WAIT`] sends.
    pub const MAX_BODY: usize = 16 << 20;
}

/// Functions of [`import::KV`]. Keys and values are bytes; entries are shared by all instances of the plugin, and
/// outlive them.
///
/// - Every call answers `FORBIDDEN` in `init`, and `INVALID` for a key, a value or a time to live that no entry can
///   have: to ask again is of no use. It answers `LIMIT` where the store has no room for the entry now.
/// - `ttl_ms` is the entry's time to live in milliseconds: `0` for ever, negative `INVALID`.
/// - Each call is atomic: what it reads and what it writes, nobody else comes between.
pub mod kv {
    /// `(key, key_len, out, cap) -> len | NOT_FOUND`: the value of an entry.
    pub const GET: &str = "get";
    /// `(key, key_len, value, value_len, ttl_ms: i64) -> 0 | LIMIT`: write an entry, whether there is one or not.
    pub const PUT: &str = "put";
    /// `(key, key_len) -> 0 | NOT_FOUND`: remove an entry.
    pub const DELETE: &str = "delete";
    /// `(key, key_len, delta: i64, ttl_ms: i64, out) -> 0 | INVALID | LIMIT`: add to a counter, and write what it is
    /// then to `out`, as 8 bytes little-endian. A counter is an entry whose value is an `i64` in decimal digits, so
    /// the other calls can read and write it; another value, or a sum beyond 64 bits, is `INVALID`. A counter that is
    /// not there begins at 0; `ttl_ms` counts only then, later calls leave its end where it is.
    pub const ADD: &str = "add";
    /// `(key, key_len, old, old_len, new, new_len, ttl_ms: i64) -> 1 | 0 | LIMIT`: write `new` if the value is `old`
    /// byte for byte, or with `old_len` [`ABSENT`] if there is no entry. `1` if it was written, else `0`.
    pub const SWAP: &str = "swap";

    /// As `old_len` of [`SWAP`]: there must be no entry. `old` is then not read.
    pub const ABSENT: u32 = u32::MAX;
    /// Bytes of the longest key; the shortest has 1.
    pub const MAX_KEY: usize = 512;
    /// Bytes of the longest value; the shortest is empty.
    pub const MAX_VALUE: usize = 64 * 1024;
}

/// Which message's head a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Message {
    /// The request as it will go (or went) to the upstream.
    Request = 0,
    /// The response as it will go to the client.
    Response = 1,
}

impl Message {
    /// The message with this number, if there is one.
    #[must_use]
    pub const fn from_u32(n: u32) -> Option<Self> {
        match n {
            0 => Some(Self::Request),
            1 => Some(Self::Response),
            _ => None,
        }
    }
}

/// Parts of an exchange that are not header fields. All are bytes; all can be read in every phase.
///
/// The first group can be changed by every request-phase hook, the second by a director only, the third by nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Part {
    /// `GET`.
    Method = 0,
    /// `/a/b%20c`: escaped as it goes over the wire, without the query.
    Path = 1,
    /// `x=1&y=2` byte for byte, without the `?`; `NOT_FOUND` where there is no `?`.
    Query = 2,
    /// The `Host` sent to the upstream.
    Host = 3,

    /// The name of the upstream to use.
    Upstream = 16,
    /// The URL of the endpoint to use, as the configuration writes it.
    Endpoint = 17,
    /// The key for a balancer that hashes.
    HashKey = 18,
    /// How long the upstream may take to answer, as a decimal count of milliseconds.
    TimeoutMs = 19,

    /// The client's address, without the port.
    ClientIp = 32,
    /// `http` or `https`: how the client spoke to the gateway.
    Scheme = 33,
    /// The route that matched: its name, or its path where it has none.
    Route = 34,
    /// The gateway's identifier of this exchange: 32 lower-case hexadecimal digits.
    RequestId = 35,
    /// `HTTP/1.1`: the client's protocol.
    Protocol = 36,
}

impl Part {
    /// The part with this number, if there is one.
    #[must_use]
    pub const fn from_u32(n: u32) -> Option<Self> {
        Some(match n {
            0 => Self::Method,
            1 => Self::Path,
            2 => Self::Query,
            3 => Self::Host,
            16 => Self::Upstream,
            17 => Self::Endpoint,
            18 => Self::HashKey,
            19 => Self::TimeoutMs,
            32 => Self::ClientIp,
            33 => Self::Scheme,
            34 => Self::Route,
            35 => Self::RequestId,
            36 => Self::Protocol,
            _ => return None,
        })
    }
}

/// Why a host call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    /// There is no such header, attribute or part.
    NotFound = -1,
    /// Not a valid name, value, status, level or number.
    Invalid = -2,
    /// Not in this phase, not by this role, or a field that only the host sets (message framing, hop-by-hop fields).
    Forbidden = -3,
    /// Over a limit of the host: too many fields, or too many bytes.
    Limit = -4,
    /// It has been done already (a second answer).
    Already = -5,
    /// It took too long.
    Timeout = -6,
    /// No endpoint could be reached, or it broke the connection.
    Unreachable = -7,
    /// The gateway has called itself too often on behalf of one request.
    Loop = -8,
}

impl Code {
    /// The code with this number; unknown negative numbers read as `Invalid`.
    #[must_use]
    pub const fn from_i32(n: i32) -> Option<Self> {
        match n {
            0.. => None,
            -1 => Some(Self::NotFound),
            -3 => Some(Self::Forbidden),
            -4 => Some(Self::Limit),
            -5 => Some(Self::Already),
            -6 => Some(Self::Timeout),
            -7 => Some(Self::Unreachable),
            -8 => Some(Self::Loop),
            _ => Some(Self::Invalid),
        }
    }

    /// What went wrong, in a few words.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFound => "not found",
            Self::Invalid => "not a valid name, value or number",
            Self::Forbidden => "not allowed here",
            Self::Limit => "over a limit of the gateway",
            Self::Already => "done already",
            Self::Timeout => "took too long",
            Self::Unreachable => "cannot be reached",
            Self::Loop => "the gateway called itself too often",
        }
    }
}

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Metric {
    /// Only grows.
    Counter = 0,
    /// Goes up and down.
    Gauge = 1,
    /// Counts values by their size.
    Histogram = 2,
}

impl Metric {
    /// The kind with this number, if there is one.
    #[must_use]
    pub const fn from_u32(n: u32) -> Option<Self> {
        Some(match n {
            0 => Self::Counter,
            1 => Self::Gauge,
            2 => Self::Histogram,
            _ => return None,
        })
    }
}

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// Something failed.
    Error = 0,
    /// Something looks wrong.
    Warn = 1,
    /// Something worth knowing happened.
    Info = 2,
    /// For whoever looks for a fault.
    Debug = 3,
    /// Every step.
    Trace = 4,
}

impl Level {
    /// The level with this number, if there is one.
    #[must_use]
    pub const fn from_u32(n: u32) -> Option<Self> {
        Some(match n {
            0 => Self::Error,
            1 => Self::Warn,
            2 => Self::Info,
            3 => Self::Debug,
            4 => Self::Trace,
            _ => return None,
        })
    }
}

/// Packs a range of the guest's memory into one result: the pointer in the upper half, the length in the lower.
#[must_use]
pub const fn pack(pointer: u32, len: u32) -> i64 {
    (((pointer as u64) << 32) | len as u64).cast_signed()
}

/// The `(pointer, length)` that [`pack`] packed.
#[must_use]
pub const fn unpack(packed: i64) -> (u32, u32) {
    let bits = packed.cast_unsigned();
    ((bits >> 32) as u32, bits as u32)
}

/// Header fields as one run of bytes: for each, `u32` little-endian length of the name, `u32` little-endian length of
/// the value, then the name and the value.
pub mod fields {
    /// Bytes before each name.
    pub const PREFIX: usize = 8;

    /// The two lengths that stand before a field.
    #[must_use]
    pub const fn prefix(name_len: u32, value_len: u32) -> [u8; PREFIX] {
        let [a, b, c, d] = name_len.to_le_bytes();
        let [e, f, g, h] = value_len.to_le_bytes();
        [a, b, c, d, e, f, g, h]
    }

    /// Walks over packed fields. Ends early, with `Err(Malformed)` once, where the bytes are not well formed.
    #[derive(Clone, Debug)]
    pub struct Iter<'a> {
        rest: &'a [u8],
    }

    /// The run of bytes ends inside a field.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Malformed;

    /// The fields packed in `bytes`.
    #[must_use]
    pub const fn iter(bytes: &[u8]) -> Iter<'_> {
        Iter { rest: bytes }
    }

    impl<'a> Iter<'a> {
        fn field(&mut self) -> Option<(&'a [u8], &'a [u8])> {
            let (name_len, rest) = self.rest.split_first_chunk::<4>()?;
            let (value_len, rest) = rest.split_first_chunk::<4>()?;
            let (name, rest) = rest.split_at_checked(u32::from_le_bytes(*name_len) as usize)?;
            let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
            self.rest = rest;
            Some((name, value))
        }
    }

    impl<'a> Iterator for Iter<'a> {
        type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

        fn next(&mut self) -> Option<Self::Item> {
            if self.rest.is_empty() {
                return None;
            }
            let field = self.field().ok_or(Malformed);
            if field.is_err() {
                self.rest = &[];
            }
            Some(field)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_ranges_come_back() {
        for range in [(0, 0), (1, 2), (u32::MAX, 7), (8, u32::MAX), (u32::MAX, u32::MAX)] {
            assert_eq!(unpack(pack(range.0, range.1)), range);
        }
    }

    #[test]
    fn a_field_that_is_cut_off_ends_the_walk() {
        let mut bytes = [0u8; 16];
        bytes[..8].copy_from_slice(&fields::prefix(1, 2));
        bytes[8..11].copy_from_slice(b"abc");
        let mut walk = fields::iter(&bytes[..11]);
        assert_eq!(walk.next(), Some(Ok((&b"a"[..], &b"bc"[..]))));
        assert_eq!(walk.next(), None);
        let mut cut = fields::iter(&bytes[..10]);
        assert_eq!(cut.next(), Some(Err(fields::Malformed)));
        assert_eq!(cut.next(), None);
    }
}
