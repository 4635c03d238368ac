// The functions that the gateway offers, by the rules of docs/abi.md.

import { bodyCalls } from "./body.mjs";
import { CODE, calls, refuse } from "./check.mjs";
import { headCalls } from "./head.mjs";
import { httpCalls } from "./http.mjs";
import { kvCalls } from "./kv.mjs";
import { metricsCalls } from "./metrics.mjs";
import { randomCalls } from "./random.mjs";

const MIN_PERIOD = 100n;
const MAX_PERIOD = 365n * 24n * 3600n * 1000n;

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
  const memory = { view, bytes, reply };

  const log = {
    write(level, text, textLength) {
      const line = bytes(text, textLength).toString();
      if (level >>> 0 > 4) refuse(CODE.invalid);
      if (log.enabled(level) === 1) host.exchange?.logs.push({ level, line });
    },
    enabled(level) {
      if (level >>> 0 > 4) refuse(CODE.invalid);
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

  const timer = {
    every(period) {
      if (host.phase !== "outside") refuse(CODE.forbidden);
      if (period < MIN_PERIOD || period > MAX_PERIOD) refuse(CODE.invalid);
      host.period = Number(period);
    },
  };

  const { head, attributes } = headCalls(host, memory);
  return {
    gatewright_head: calls(head),
    gatewright_attributes: calls(attributes),
    gatewright_log: calls(log),
    gatewright_config: calls(config),
    gatewright_clock: clock,
    gatewright_body: calls(bodyCalls(host, memory)),
    gatewright_random: calls(randomCalls(memory)),
    gatewright_metrics: calls(metricsCalls(host, memory)),
    gatewright_timer: calls(timer),
    gatewright_kv: calls(kvCalls(host, memory)),
    gatewright_http: calls(httpCalls(host, memory)),
  };
}
