// The functions that the gateway offers, by the rules of docs/abi.md.

import { PART, field } from "./request.mjs";

const NOT_FOUND = -1;
const INVALID = -2;
const FORBIDDEN = -3;
const LIMIT = -4;
const ALREADY = -5;

// What an answer's body may be, a part, a field's count: the gateway's limits that a plugin can meet by mistake.
const MAX_ANSWER = 1 << 20;
const MAX_PART = 16 << 10;
const MAX_FIELDS = 256;
const MAX_ATTRIBUTES = 64;

const RESERVED = new Set([
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

function refuse(code) {
  throw new Refused(code);
}

/** Makes a host call of a function that may refuse. */
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

/** What a module imports. `host` has the exchange and the phase at hand, and the instance's memory. */
export function imports(host) {
  // A range outside of memory throws, which traps the guest.
  const view = (start, length) => new Uint8Array(host.memory.buffer, start >>> 0, length >>> 0);
  const bytes = (start, length) => Buffer.from(view(start, length));
  const reply = (value, out, cap) => {
    const room = view(out, cap);
    if (value.length <= room.length) room.set(value);
    return value.length;
  };

  const isRequestPhase = () => host.phase === "request" || host.phase === "direct";
  const inExchange = () => (host.phase === "outside" ? refuse(FORBIDDEN) : host.exchange);
  const message = (number) => (number === 0 || number === 1 ? number : refuse(INVALID));
  const readable = (number) => {
    const exchange = inExchange();
    return message(number) === 0 ? exchange.request : (exchange.response ?? refuse(FORBIDDEN));
  };
  const writable = (number) => {
    const mine = message(number) === 0 ? isRequestPhase() : host.phase === "response";
    return mine ? readable(number) : refuse(FORBIDDEN);
  };
  const isHost = (number, name) => number === 0 && name === "host";
  const part = (number) => inExchange().parts.get(number);

  const head = {
    get(number, name, nameLength, index, out, cap) {
      const fields = readable(number);
      const key = fieldName(bytes(name, nameLength));
      const values = isHost(number, key)
        ? [part(PART.host)]
        : fields.filter((field) => field.name === key).map(({ value }) => value);
      return reply(values[index >>> 0] ?? refuse(NOT_FOUND), out, cap);
    },
    set(number, name, nameLength, value, valueLength) {
      const fields = writable(number);
      const field = changeable(bytes(name, nameLength), bytes(value, valueLength));
      if (isHost(number, field.name)) return setPart(PART.host, field.value);
      const place = fields.findIndex(({ name }) => name === field.name);
      if (place < 0) return push(fields, field);
      fields[place] = field;
      removeFrom(fields, field.name, place + 1);
    },
    add(number, name, nameLength, value, valueLength) {
      const fields = writable(number);
      const field = changeable(bytes(name, nameLength), bytes(value, valueLength));
      if (isHost(number, field.name)) refuse(FORBIDDEN);
      push(fields, field);
    },
    remove(number, name, nameLength) {
      const fields = writable(number);
      const { name: key } = changeable(bytes(name, nameLength), Buffer.alloc(0));
      if (isHost(number, key)) refuse(FORBIDDEN);
      if (!removeFrom(fields, key, 0)) refuse(NOT_FOUND);
    },
    all(number, out, cap) {
      const fields = readable(number);
      return reply(pack(number === 0 ? [field("host", part(PART.host)), ...fields] : fields), out, cap);
    },
    part(number, out, cap) {
      if (!Object.values(PART).includes(number)) refuse(INVALID);
      return reply(part(number) ?? refuse(NOT_FOUND), out, cap);
    },
    set_part(number, value, valueLength) {
      setPart(number, bytes(value, valueLength));
    },
    status() {
      readable(1);
      return host.exchange.status;
    },
    set_status(status) {
      writable(1);
      const valid = finalStatus(status);
      if (isBodiless(valid) !== isBodiless(host.exchange.status)) refuse(FORBIDDEN);
      host.exchange.status = valid;
    },
    answer(status, fields, fieldsLength, body, bodyLength) {
      if (!isRequestPhase()) refuse(FORBIDDEN);
      if (host.exchange.answer !== null) refuse(ALREADY);
      const content = bytes(body, bodyLength);
      if (content.length > MAX_ANSWER) refuse(LIMIT);
      host.exchange.answer = {
        status: finalStatus(status),
        fields: unpack(bytes(fields, fieldsLength)),
        body: content,
      };
    },
  };

  function setPart(number, value) {
    const byAll = number >= PART.method && number <= PART.host;
    const byDirector = number >= PART.upstream && number <= PART.timeoutMs;
    if (!Object.values(PART).includes(number)) refuse(INVALID);
    if (!(byAll ? isRequestPhase() : byDirector && host.phase === "direct")) refuse(FORBIDDEN);
    if (value.length > MAX_PART) refuse(LIMIT);
    if (!isPart(number, value)) refuse(INVALID);
    if (number === PART.query && value.length === 0) host.exchange.parts.delete(number);
    else host.exchange.parts.set(number, value);
  }

  const attributes = {
    get(name, nameLength, out, cap) {
      return reply(inExchange().attributes.get(attributeName(bytes(name, nameLength))) ?? refuse(NOT_FOUND), out, cap);
    },
    set(name, nameLength, value, valueLength) {
      const { attributes } = inExchange();
      const key = attributeName(bytes(name, nameLength));
      if (attributes.size >= MAX_ATTRIBUTES && !attributes.has(key)) refuse(LIMIT);
      attributes.set(key, bytes(value, valueLength));
    },
    remove(name, nameLength) {
      if (!inExchange().attributes.delete(attributeName(bytes(name, nameLength)))) refuse(NOT_FOUND);
    },
  };

  const log = {
    write(level, text, textLength) {
      const line = bytes(text, textLength).toString();
      if (level >>> 0 > 4) refuse(INVALID);
      if (log.enabled(level) === 1) host.exchange?.logs.push({ level, line });
    },
    enabled(level) {
      if (level >>> 0 > 4) refuse(INVALID);
      return level <= (host.exchange?.level ?? 4) ? 1 : 0;
    },
    fail(text, textLength) {
      host.reason = bytes(text, textLength).toString();
    },
  };

  const config = { read: (out, cap) => reply(host.config, out, cap) };
  const clock = {
    wall: () => host.exchange?.wall ?? 1_000_000_000_000_000_000n,
    monotonic: () => host.exchange?.monotonic ?? 1_000_000_000n,
  };

  return {
    gatewright_head: calls(head),
    gatewright_attributes: calls(attributes),
    gatewright_log: calls(log),
    gatewright_config: calls(config),
    gatewright_clock: clock,
  };
}

function calls(functions) {
  return Object.fromEntries(Object.entries(functions).map(([name, body]) => [name, call(body)]));
}

function push(fields, field) {
  if (fields.length >= MAX_FIELDS) refuse(LIMIT);
  fields.push(field);
}

/** Removes the fields of a name from `start` on; whether there were any. */
function removeFrom(fields, name, start) {
  const kept = fields.filter((field, index) => index < start || field.name !== name);
  const removed = kept.length < fields.length;
  fields.splice(0, fields.length, ...kept);
  return removed;
}

function fieldName(name) {
  const text = name.toString("latin1");
  return TOKEN.test(text) ? text.toLowerCase() : refuse(INVALID);
}

/** A field that a plugin may set. */
function changeable(name, value) {
  const key = fieldName(name);
  if (value.some((byte) => (byte < 0x20 && byte !== 0x09) || byte === 0x7f)) refuse(INVALID);
  if (RESERVED.has(key)) refuse(FORBIDDEN);
  return field(key, value);
}

function attributeName(name) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(name);
    if (text.length > 0) return text;
  } catch {
    // Not UTF-8.
  }
  return refuse(INVALID);
}

function finalStatus(status) {
  return status >= 200 && status <= 599 ? status : refuse(INVALID);
}

function isBodiless(status) {
  return status === 204 || status === 304;
}

function isPart(number, value) {
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
function pack(fields) {
  const runs = fields.flatMap(({ name, value }) => {
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32LE(name.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    return [lengths, Buffer.from(name), value];
  });
  return Buffer.concat(runs);
}

function unpack(packed) {
  const fields = [];
  let at = 0;
  while (at < packed.length) {
    if (at + 8 > packed.length) refuse(INVALID);
    const nameEnd = at + 8 + packed.readUInt32LE(at);
    const valueEnd = nameEnd + packed.readUInt32LE(at + 4);
    if (valueEnd > packed.length) refuse(INVALID);
    push(fields, changeable(packed.subarray(at + 8, nameEnd), packed.subarray(nameEnd, valueEnd)));
    at = valueEnd;
  }
  return fields;
}
