// Message heads, the choices of a director, and attributes.

import {
  CODE,
  attributeName,
  changeable,
  fieldName,
  finalStatus,
  isBodiless,
  isPart,
  pack,
  push,
  refuse,
  removeFrom,
  unpackFields,
} from "./check.mjs";
import { PART, field } from "./request.mjs";

// What an answer's body may be, a part, and how many attributes there may be: limits that a plugin can meet by mistake.
const MAX_ANSWER = 1 << 20;
const MAX_PART = 16 << 10;
const MAX_ATTRIBUTES = 64;

/** Whether there is no exchange in this phase. */
function isOutside(phase) {
  return phase === "outside" || phase === "tick";
}

/** The calls; `host` has the exchange and the phase at hand. */
export function headCalls(host, { bytes, reply }) {
  const isRequestPhase = () => host.phase === "request" || host.phase === "direct";
  const inExchange = () => (isOutside(host.phase) ? refuse(CODE.forbidden) : host.exchange);
  const message = (number) => (number === 0 || number === 1 ? number : refuse(CODE.invalid));
  const readable = (number) => {
    const exchange = inExchange();
    return message(number) === 0 ? exchange.request : (exchange.response ?? refuse(CODE.forbidden));
  };
  const writable = (number) => {
    const mine = message(number) === 0 ? isRequestPhase() : host.phase === "response";
    return mine ? readable(number) : refuse(CODE.forbidden);
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
      return reply(values[index >>> 0] ?? refuse(CODE.notFound), out, cap);
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
      if (isHost(number, field.name)) refuse(CODE.forbidden);
      push(fields, field);
    },
    remove(number, name, nameLength) {
      const fields = writable(number);
      const { name: key } = changeable(bytes(name, nameLength), Buffer.alloc(0));
      if (isHost(number, key)) refuse(CODE.forbidden);
      if (!removeFrom(fields, key, 0)) refuse(CODE.notFound);
    },
    all(number, out, cap) {
      const fields = readable(number);
      return reply(pack(number === 0 ? [field("host", part(PART.host)), ...fields] : fields), out, cap);
    },
    part(number, out, cap) {
      if (!Object.values(PART).includes(number)) refuse(CODE.invalid);
      return reply(part(number) ?? refuse(CODE.notFound), out, cap);
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
      if (isBodiless(valid) !== isBodiless(host.exchange.status)) refuse(CODE.forbidden);
      host.exchange.status = valid;
    },
    answer(status, fields, fieldsLength, body, bodyLength) {
      if (!isRequestPhase()) refuse(CODE.forbidden);
      if (host.exchange.answer !== null) refuse(CODE.already);
      const content = bytes(body, bodyLength);
      if (content.length > MAX_ANSWER) refuse(CODE.limit);
      host.exchange.answer = {
        status: finalStatus(status),
        fields: unpackFields(bytes(fields, fieldsLength)),
        body: content,
      };
    },
  };

  function setPart(number, value) {
    const byAll = number >= PART.method && number <= PART.host;
    const byDirector = number >= PART.upstream && number <= PART.timeoutMs;
    if (!Object.values(PART).includes(number)) refuse(CODE.invalid);
    if (!(byAll ? isRequestPhase() : byDirector && host.phase === "direct")) refuse(CODE.forbidden);
    if (value.length > MAX_PART) refuse(CODE.limit);
    if (!isPart(number, value)) refuse(CODE.invalid);
    if (number === PART.query && value.length === 0) host.exchange.parts.delete(number);
    else host.exchange.parts.set(number, value);
  }

  const attributes = {
    get(name, nameLength, out, cap) {
      return reply(inExchange().attributes.get(attributeName(bytes(name, nameLength))) ?? refuse(CODE.notFound), out, cap);
    },
    set(name, nameLength, value, valueLength) {
      const { attributes } = inExchange();
      const key = attributeName(bytes(name, nameLength));
      if (attributes.size >= MAX_ATTRIBUTES && !attributes.has(key)) refuse(CODE.limit);
      attributes.set(key, bytes(value, valueLength));
    },
    remove(name, nameLength) {
      if (!inExchange().attributes.delete(attributeName(bytes(name, nameLength)))) refuse(CODE.notFound);
    },
  };

  return { head, attributes };
}
