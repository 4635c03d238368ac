// The gateway's part in tests of plugins: runs a real module against a host that keeps to the gateway's rules.
//
//     import { load, request } from "gatewright-sdk/testing";
//
//     const hello = load("build/hello.wasm", { greeting: "hi" });
//     const outcome = hello.run(request("GET", "/a?x=1").header("origin", "https://app.example"));
//     assert.equal(outcome.responseHeader("x-hello"), "hi");
//
// What the gateway would refuse is refused here by the same rules. Not covered: the limits of a plugin, content codings
// (give bodies as the hook asks for them), how the plugins of one route meet, and the check of the configuration against
// the schema.

import { readFileSync } from "node:fs";

import { openWindow, pieces, stream, streamed } from "./body.mjs";
import { imports } from "./host.mjs";
import { Sent } from "./http.mjs";
import { Kv } from "./kv.mjs";
import { Metrics, since } from "./metrics.mjs";
import { Outcome } from "./outcome.mjs";
import { TestRequest, TestTick } from "./request.mjs";

export { Kv, Outcome, Sent, TestRequest, TestTick };

/** A plugin refused its configuration, or a module is none for the gateway. */
export class PluginError extends Error {}

/** A request to send through a plugin. */
export function request(method = "GET", target = "/") {
  return new TestRequest(method, target);
}

/** A tick, to have a plugin do what it does from time to time. */
export function tick() {
  return new TestTick();
}

/** Loads the module in a file, and makes the plugin from its configuration. Throws a PluginError where it refuses. */
export function load(file, config = {}) {
  return new Plugin(new WebAssembly.Module(readFileSync(file)), config);
}

/** What a module says of itself: name, version, roles, bodies, and the JSON Schema of its configuration. */
export function manifest(file) {
  const instance = new Instance(new WebAssembly.Module(readFileSync(file)), {}, new Metrics());
  return instance.manifest();
}

const MARKER = "gatewright_abi_1";
const [ANSWERED, STREAM, DONE, UNUSED] = [1, 2, 3, 4];

/** Whether a hook may end so. */
function allows(hook, phase, code, exchange) {
  if (code === 0) return true;
  if (code === UNUSED) return hook === "gatewright_on_request" || hook === "gatewright_on_response";
  if (code === DONE) return phase === "body";
  if (code === STREAM) return phase === "request" || phase === "direct" || phase === "response";
  return code === ANSWERED && (phase === "request" || phase === "direct") && exchange.answer !== null;
}

/** A plugin with its configuration. */
export class Plugin {
  #module;
  #config;
  #manifest;
  #metrics = new Metrics();
  #before;
  #after;

  constructor(module, config) {
    if (!WebAssembly.Module.exports(module).some(({ name }) => name === MARKER)) {
      throw new PluginError(`the module does not export ${MARKER}`);
    }
    this.#module = module;
    this.#config = config;
    this.#manifest = new Instance(module, config, this.#metrics).manifest();
    this.#before = this.#start();
    this.#after = this.#start();
  }

  /** The bytes of memory that its larger instance has come to. */
  get memory() {
    return Math.max(this.#before.memory, this.#after.memory);
  }

  /** Milliseconds from one tick to the next, or null. */
  get period() {
    return this.#before.period;
  }

  /**
   * Sends a request through all roles of the plugin: the request phase, a made-up upstream unless the plugin answers,
   * and the response phase. As in the gateway an instance serves one exchange after another until it traps, and the
   * two phases may run in different ones: here they always do. A tick calls the plugin's tick.
   */
  run(request) {
    const exchange = request.exchange();
    const before = this.#metrics.now();
    if (request instanceof TestTick) this.#tick(exchange);
    else this.#exchange(exchange, request);
    exchange.series = since(before, this.#metrics.now());
    // An instance that trapped is never used again.
    if (this.#before.trapped) this.#before = this.#start();
    if (this.#after.trapped) this.#after = this.#start();
    return new Outcome(exchange);
  }

  #requestPhase(exchange) {
    for (const [hook, phase] of [["gatewright_on_request", "request"], ["gatewright_direct", "direct"]]) {
      const code = this.#hook(this.#before, hook, phase, exchange);
      if (exchange.failure !== null) return;
      if (code === ANSWERED) {
        exchange.answered = true;
        return;
      }
      exchange.answer = null;
    }
  }

  #responsePhase(exchange, request) {
    if (exchange.answered) {
      const { status, fields, body } = exchange.answer;
      Object.assign(exchange, { status, response: fields.map((field) => ({ ...field })) });
      exchange.bodies[1] = pieces(body);
    } else {
      request.answer(exchange);
      this.#hook(this.#after, "gatewright_modify_response", "response", exchange);
    }
    if (exchange.failure === null) this.#hook(this.#after, "gatewright_on_response", "response", exchange);
  }

  /** Calls a hook, and sends the body through the instance where the hook says so. */
  #hook(instance, hook, phase, exchange) {
    const code = instance.call(hook, phase, exchange, openWindow(hook, this.#manifest, exchange));
    if (code !== STREAM) return code;
    const message = streamed(hook, this.#manifest);
    if (message === null) {
      exchange.failure = `${hook} returned ${code}, and its manifest does not ask to stream`;
      return -1;
    }
    stream(message, exchange, (window) => {
      const ended = instance.call("gatewright_on_body", "body", exchange, window);
      return ended < 0 ? "failed" : ended === DONE ? "done" : "continue";
    });
    return exchange.failure === null ? 0 : -1;
  }

  #exchange(exchange, request) {
    this.#requestPhase(exchange);
    if (exchange.failure === null) this.#responsePhase(exchange, request);
  }

  #tick(exchange) {
    if (this.#before.period === null) throw new PluginError("the plugin has asked for no tick");
    this.#before.call("gatewright_on_tick", "tick", exchange);
  }

  #start() {
    const instance = new Instance(this.#module, this.#config, this.#metrics);
    instance.init();
    return instance;
  }
}

/** One live instance. */
class Instance {
  #host;
  #exports;
  trapped = false;

  constructor(module, config, metrics) {
    this.#host = {
      exchange: null,
      phase: "outside",
      reason: null,
      period: null,
      window: null,
      calls: [],
      metrics,
      config: Buffer.from(JSON.stringify(config)),
    };
    try {
      this.#exports = new WebAssembly.Instance(module, imports(this.#host)).exports;
    } catch (error) {
      // What it asks for and the gateway does not offer.
      throw new PluginError(error.message);
    }
    this.#host.memory = this.#exports.memory;
    this.#exports._initialize?.();
  }

  get memory() {
    return this.#host.memory.buffer.byteLength;
  }

  get period() {
    return this.#host.period;
  }

  manifest() {
    const packed = BigInt.asUintN(64, this.#exports.gatewright_manifest());
    const start = Number(packed >> 32n);
    const length = Number(packed & 0xffffffffn);
    return JSON.parse(Buffer.from(this.#host.memory.buffer, start, length).toString());
  }

  init() {
    let code;
    try {
      code = this.#exports.gatewright_init();
    } catch (trap) {
      throw new PluginError(this.#host.reason ?? trap.message);
    }
    if (code < 0) throw new PluginError(this.#host.reason ?? `init returned ${code} and gave no reason`);
  }

  /** Calls a hook, where there is one. What goes wrong becomes the exchange's failure. */
  call(hook, phase, exchange, window = null) {
    const call = this.#exports[hook];
    if (call === undefined) return 0;
    Object.assign(this.#host, { exchange, phase, reason: null, window, calls: [] });
    try {
      const code = call();
      if (allows(hook, phase, code, exchange)) return code;
      exchange.failure = this.#host.reason ?? `${hook} returned ${code} and gave no reason`;
    } catch (trap) {
      exchange.failure = this.#host.reason ?? trap.message;
      exchange.trapped = true;
      this.trapped = true;
    }
    return -1;
  }
}
