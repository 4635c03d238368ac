// Bodies: what a hook sees of one, and what it makes of it.

import { CODE, refuse } from "./check.mjs";

// The `limits.body` of a plugin whose configuration says nothing of it.
const MAX_BODY = 1 << 20;

/** Whose body a hook may ask for. */
const HOOKS = {
  gatewright_on_request: ["on_request", 0],
  gatewright_direct: ["direct", 0],
  gatewright_modify_response: ["modify_response", 1],
  gatewright_on_response: ["on_response", 1],
};

/** A body as it comes and goes: in pieces. None of them is empty. */
export function pieces(...bodies) {
  return bodies.map((body) => Buffer.from(body)).filter((body) => body.length > 0);
}

/** What a hook sees of its message's body before it runs; null where it has not asked for it. */
export function openWindow(hook, manifest, exchange) {
  const [name, message] = HOOKS[hook];
  const { mode = "none", bytes = 0 } = manifest.bodies?.[name] ?? {};
  if (mode !== "peek" && mode !== "buffer") return null;
  const body = Buffer.concat(exchange.bodies[message]);
  const seen = mode === "peek" ? body.subarray(0, bytes) : body;
  return { message, mode, bytes: seen, whole: seen.length === body.length, written: [] };
}

/** Whether a hook may hand over its body piece by piece; whose body that is, or null. */
export function streamed(hook, manifest) {
  const [name, message] = HOOKS[hook];
  return manifest.bodies?.[name]?.mode === "stream" ? message : null;
}

/** Sends a body through `onBody`, which says how it ended: "continue", "done" or "failed". */
export function stream(message, exchange, onBody) {
  const rest = [...exchange.bodies[message]];
  const made = [];
  for (;;) {
    const bytes = rest.shift();
    const whole = bytes === undefined;
    const window = { message, mode: "stream", bytes: bytes ?? Buffer.alloc(0), whole, written: [] };
    const ended = onBody(window);
    if (ended === "failed") return;
    made.push(...window.written);
    if (ended === "done") made.push(...rest);
    if (whole || ended === "done") break;
  }
  exchange.bodies[message] = made;
}

/** The calls; `host` has the window at hand. */
export function bodyCalls(host, { view, bytes }) {
  const window = (message) => {
    if (message !== 0 && message !== 1) refuse(CODE.invalid);
    return host.window?.message === message ? host.window : refuse(CODE.forbidden);
  };
  return {
    size: (message) => window(message).bytes.length,
    whole: (message) => (window(message).whole ? 1 : 0),
    read(message, offset, out, cap) {
      const room = view(out, cap);
      const copied = window(message).bytes.subarray(offset >>> 0).subarray(0, room.length);
      room.set(copied);
      return copied.length;
    },
    replace(message, start, length) {
      const content = bytes(start, length);
      const open = window(message);
      if (open.mode !== "buffer") refuse(CODE.forbidden);
      if (content.length > MAX_BODY) refuse(CODE.limit);
      Object.assign(open, { bytes: content, whole: true });
      host.exchange.bodies[message] = pieces(content);
    },
    write(start, length) {
      const content = bytes(start, length);
      if (host.window?.mode !== "stream") refuse(CODE.forbidden);
      const { written } = host.window;
      if (Buffer.concat(written).length + content.length > MAX_BODY) refuse(CODE.limit);
      written.push(...pieces(content));
    },
  };
}
