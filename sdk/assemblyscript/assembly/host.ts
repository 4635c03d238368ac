// The gateway's functions, as `sdk/abi` and `docs/abi.md` describe them. Nothing else in this SDK imports anything.

// @ts-ignore: decorator
@external("gatewright_head", "get")
export declare function head_get(message: u32, name: usize, nameLen: i32, index: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "set")
export declare function head_set(message: u32, name: usize, nameLen: i32, value: usize, valueLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "add")
export declare function head_add(message: u32, name: usize, nameLen: i32, value: usize, valueLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "remove")
export declare function head_remove(message: u32, name: usize, nameLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "all")
export declare function head_all(message: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "part")
export declare function head_part(part: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "set_part")
export declare function head_set_part(part: u32, value: usize, valueLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "status")
export declare function head_status(): i32;

// @ts-ignore: decorator
@external("gatewright_head", "set_status")
export declare function head_set_status(status: u32): i32;

// @ts-ignore: decorator
@external("gatewright_head", "answer")
export declare function head_answer(status: u32, fields: usize, fieldsLen: i32, body: usize, bodyLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_attributes", "get")
export declare function attributes_get(name: usize, nameLen: i32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_attributes", "set")
export declare function attributes_set(name: usize, nameLen: i32, value: usize, valueLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_attributes", "remove")
export declare function attributes_remove(name: usize, nameLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_config", "read")
export declare function config_read(out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_log", "write")
export declare function log_write(level: u32, text: usize, textLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_log", "enabled")
export declare function log_enabled(level: u32): i32;

// @ts-ignore: decorator
@external("gatewright_log", "fail")
export declare function log_fail(text: usize, textLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_clock", "wall")
export declare function clock_wall(): i64;

// @ts-ignore: decorator
@external("gatewright_clock", "monotonic")
export declare function clock_monotonic(): i64;

// @ts-ignore: decorator
@external("gatewright_body", "size")
export declare function body_size(message: u32): i32;

// @ts-ignore: decorator
@external("gatewright_body", "read")
export declare function body_read(message: u32, offset: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_body", "whole")
export declare function body_whole(message: u32): i32;

// @ts-ignore: decorator
@external("gatewright_body", "replace")
export declare function body_replace(message: u32, bytes: usize, len: i32): i32;

// @ts-ignore: decorator
@external("gatewright_body", "write")
export declare function body_write(bytes: usize, len: i32): i32;

// @ts-ignore: decorator
@external("gatewright_random", "fill")
export declare function random_fill(out: usize, len: i32): i32;

// @ts-ignore: decorator
@external("gatewright_metrics", "define")
export declare function metrics_define(kind: u32, name: usize, nameLen: i32, labels: usize, labelsLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_metrics", "add")
export declare function metrics_add(id: i32, value: f64): i32;

// @ts-ignore: decorator
@external("gatewright_metrics", "set")
export declare function metrics_set(id: i32, value: f64): i32;

// @ts-ignore: decorator
@external("gatewright_metrics", "observe")
export declare function metrics_observe(id: i32, value: f64): i32;

// @ts-ignore: decorator
@external("gatewright_timer", "every")
export declare function timer_every(periodMs: i64): i32;

// @ts-ignore: decorator
@external("gatewright_kv", "get")
export declare function kv_get(key: usize, keyLen: i32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_kv", "put")
export declare function kv_put(key: usize, keyLen: i32, value: usize, valueLen: i32, ttlMs: i64): i32;

// @ts-ignore: decorator
@external("gatewright_kv", "delete")
export declare function kv_delete(key: usize, keyLen: i32): i32;

// @ts-ignore: decorator
@external("gatewright_kv", "add")
export declare function kv_add(key: usize, keyLen: i32, delta: i64, ttlMs: i64, out: usize): i32;

// @ts-ignore: decorator
@external("gatewright_kv", "swap")
export declare function kv_swap(
  key: usize,
  keyLen: i32,
  old: usize,
  oldLen: i32,
  value: usize,
  valueLen: i32,
  ttlMs: i64,
): i32;

// @ts-ignore: decorator
@external("gatewright_http", "start")
export declare function http_start(
  upstream: usize,
  upstreamLen: i32,
  method: usize,
  methodLen: i32,
  target: usize,
  targetLen: i32,
  fields: usize,
  fieldsLen: i32,
  body: usize,
  bodyLen: i32,
  timeoutMs: u32,
): i32;

// @ts-ignore: decorator
@external("gatewright_http", "wait")
export declare function http_wait(): i32;

// @ts-ignore: decorator
@external("gatewright_http", "status")
export declare function http_status(handle: i32): i32;

// @ts-ignore: decorator
@external("gatewright_http", "get")
export declare function http_get(handle: i32, name: usize, nameLen: i32, index: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_http", "all")
export declare function http_all(handle: i32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_http", "size")
export declare function http_size(handle: i32): i32;

// @ts-ignore: decorator
@external("gatewright_http", "read")
export declare function http_read(handle: i32, offset: u32, out: usize, cap: i32): i32;

// @ts-ignore: decorator
@external("gatewright_http", "close")
export declare function http_close(handle: i32): i32;

/** Which message a call means. */
export const enum Message {
  Request = 0,
  Response = 1,
}

/** Parts of an exchange that are not header fields. */
export const enum Part {
  Method = 0,
  Path = 1,
  Query = 2,
  Host = 3,
  Upstream = 16,
  Endpoint = 17,
  HashKey = 18,
  TimeoutMs = 19,
  ClientIp = 32,
  Scheme = 33,
  Route = 34,
  RequestId = 35,
  Protocol = 36,
}

/** The kind of a metric. */
export const enum Metric {
  Counter = 0,
  Gauge = 1,
  Histogram = 2,
}
