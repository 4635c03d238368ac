// Requests of a plugin to upstreams, which the test's own functions answer.

import { CODE, fieldName, isPart, pack, refuse, unpackFields } from "./check.mjs";
import { PART, field } from "./request.mjs";

const MAX_TARGET = 16 << 10;
const MAX_FIELDS = 64 << 10;
const MAX_BODY = 16 << 20;

/** Why there is no response, as a test says it. */
const ERRORS = new Set(["timeout", "unreachable", "limit", "loop"]);

/** A request that a plugin sent to an upstream. */
export class Sent {
  #fields;

  constructor({ upstream, method, target, fields, body, timeout }) {
    this.#fields = fields;
    /** The upstream's name. */
    this.upstream = upstream;
    this.method = method;
    /** Path and query. */
    this.target = target;
    /** As text. */
    this.body = body.toString();
    /** How long it may take, in milliseconds; null where the plugin left that to the upstream. */
    this.timeout = timeout;
  }

  /** The first value of a header, or null. */
  header(name) {
    return this.#fields.find((field) => field.name === name.toLowerCase())?.value.toString() ?? null;
  }
}

/** What an upstream of the test says, as a call keeps it. */
function ended(sent, reply) {
  const { status = 200, headers = {}, body = "", error = null, takes = 0 } = reply;
  if (error !== null && !ERRORS.has(error)) throw new TypeError(`no such error of an upstream: ${error}`);
  const late = sent.timeout !== null && takes >= sent.timeout;
  const code = late ? CODE.timeout : error === null ? null : CODE[error];
  const fields = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => field(name, one)));
  return { code, status, fields, body: Buffer.from(body), took: late ? sent.timeout : takes };
}

/** The calls; `host.calls` are those of the hook. */
export function httpCalls(host, { view, bytes, reply }) {
  const response = (handle) => {
    const call = host.calls[handle >>> 0] ?? refuse(CODE.invalid);
    if (call.isClosed) refuse(CODE.invalid);
    const { response } = call;
    if (response === null) refuse(CODE.forbidden);
    return response.code === null ? response : refuse(response.code);
  };
  return {
    start(...args) {
      // Five runs of bytes, and the timeout.
      const run = (index) => bytes(args[index * 2], args[index * 2 + 1]);
      const timeout = args[10];
      if (host.phase === "outside") refuse(CODE.forbidden);
      const upstream = run(0).toString();
      const answers = host.exchange.upstreams.get(upstream) ?? refuse(CODE.forbidden);
      const sent = new Sent({
        upstream,
        method: methodOf(run(1)),
        target: targetOf(run(2)),
        fields: fieldsOf(run(3)),
        body: bodyOf(run(4)),
        timeout: timeout === 0 ? null : timeout >>> 0,
      });
      return host.calls.push({ sent, answers, response: null, isClosed: false }) - 1;
    },
    wait() {
      const waiting = host.calls.filter(({ response, isClosed }) => response === null && !isClosed);
      for (const call of waiting) {
        host.exchange.sent.push(call.sent);
        call.response = ended(call.sent, call.answers(call.sent));
      }
      // They go at once: as much time has passed as the longest took.
      const took = BigInt(Math.max(0, ...waiting.map(({ response }) => response.took))) * 1_000_000n;
      host.exchange.wall += took;
      host.exchange.monotonic += took;
    },
    status: (handle) => response(handle).status,
    get(handle, name, nameLength, index, out, cap) {
      const { fields } = response(handle);
      const key = fieldName(bytes(name, nameLength));
      const values = fields.filter((field) => field.name === key);
      return reply((values[index >>> 0] ?? refuse(CODE.notFound)).value, out, cap);
    },
    all: (handle, out, cap) => reply(pack(response(handle).fields), out, cap),
    size: (handle) => response(handle).body.length,
    read(handle, offset, out, cap) {
      const room = view(out, cap);
      const copied = response(handle).body.subarray(offset >>> 0).subarray(0, room.length);
      room.set(copied);
      return copied.length;
    },
    close(handle) {
      const call = host.calls[handle >>> 0];
      if (call === undefined || call.isClosed) refuse(CODE.invalid);
      call.isClosed = true;
    },
  };
}

function methodOf(method) {
  if (!isPart(PART.method, method)) refuse(CODE.invalid);
  return method.toString() === "CONNECT" ? refuse(CODE.forbidden) : method.toString();
}

function targetOf(target) {
  if (target.length > MAX_TARGET) refuse(CODE.limit);
  const text = target.toString("latin1");
  return /^\/[!-~]*$/.test(text) && !text.includes("#") ? text : refuse(CODE.invalid);
}

function fieldsOf(packed) {
  return packed.length > MAX_FIELDS ? refuse(CODE.limit) : unpackFields(packed);
}

function bodyOf(body) {
  return body.length > MAX_BODY ? refuse(CODE.limit) : body;
}
