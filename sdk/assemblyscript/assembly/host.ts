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

/** Which message's head a call means. */
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
