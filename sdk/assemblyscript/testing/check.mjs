// What the gateway refuses, and with which code: the rules of docs/abi.md that more than one family of calls has.

import { PART, field } from "./request.mjs";

export const CODE = {
  notFound: -1,
  invalid: -2,
  forbidden: -3,
  limit: -4,
  already: -5,
  timeout: -6,
  unreachable: -7,
  loop: -8,
};

const MAX_FIELDS = 256;

const RESERVED = new Set([
  "cdn-loop",
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A call that the gateway would refuse with a code. */
class Refused extends Error {
  constructor(code) {
    super(`refused with ${code}`);
    this.code = code;
  }
}

export function refuse(code) {
  throw new Refused(code);
}

/** Makes host calls of functions that may refuse. */
export function calls(functions) {
  return Object.fromEntries(Object.entries(functions).map(([name, body]) => [name, call(body)]));
}

function call(body) {
  return (...args) => {
    try {
      return body(...args) ?? 0;
    } catch (error) {
      if (error instanceof Refused) return error.code;
      throw error;
    }
  };
}

export function push(fields, field) {
  if (fields.length >= MAX_FIELDS) refuse(CODE.limit);
  fields.push(field);
}

/** Removes the fields of a name from `start` on; whether there were any. */
export function removeFrom(fields, name, start) {
  const kept = fields.filter((field, index) => index < start || field.name !== name);
  const removed = kept.length < fields.length;
  fields.splice(0, fields.length, ...kept);
  return removed;
}

export function fieldName(name) {
  const text = name.toString("latin1");
  return TOKEN.test(text) ? text.toLowerCase() : refuse(CODE.invalid);
}

/** A field that a plugin may set. */
export function changeable(name, value) {
  const key = fieldName(name);
  if (value.some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f)) refuse(CODE.invalid);
  if (RESERVED.has(key)) refuse(CODE.forbidden);
  return field(key, value);
}

export function attributeName(name) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
    if (text.length > 0) return text;
  } catch {
    // Not UTF-8.
  }
  return refuse(CODE.invalid);
}

export function finalStatus(status) {
  return status >= 200 && status <= 599 ? status : refuse(CODE.invalid);
}

export function isBodiless(status) {
  return status === 204 || status === 304;
}

export function isPart(number, value) {
  const text = value.toString("latin1");
  switch (number) {
    case PART.method:
      return TOKEN.test(text);
    case PART.path:
      return /^\/[!-~]*$/.test(text) && !/[?#]/.test(text);
    case PART.query:
      return /^[!-~]*$/.test(text) && !text.includes("#");
    case PART.host:
      return /^[!-~]+$/.test(text) && !/[/?#@]/.test(text);
    case PART.timeoutMs:
      return /^[0-9]{1,10}$/.test(text) && Number(text) > 0 && Number(text) <= 0xffffffff;
    case PART.upstream:
    case PART.endpoint:
      return value.length > 0;
    default:
      return true;
  }
}

/** Fields as one run of bytes: the two lengths, the name, the value. */
export function pack(fields) {
  const runs = fields.flatMap(({ name, value }) => {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(name.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    return [lengths, Buffer.from(name), value];
  });
  return Buffer.concat(runs);
}

/** The names and values in such a run. */
export function unpack(packed) {
  const pairs = [];
  let at = 0;
  while (at < packed.length) {
    if (at + 8 > packed.length) refuse(CODE.invalid);
    const nameEnd = at + 8 + packed.readUInt32LE(at);
    const valueEnd = nameEnd + packed.readUInt32LE(at + 4);
    if (valueEnd > packed.length) refuse(CODE.invalid);
    pairs.push([packed.subarray(at + 8, nameEnd), packed.subarray(nameEnd, valueEnd)]);
    at = valueEnd;
  }
  return pairs;
}

/** Fields that a plugin may set, out of such a run. */
export function unpackFields(packed) {
  const fields = [];
  for (const [name, value] of unpack(packed)) push(fields, changeable(name, value));
  return fields;
}
