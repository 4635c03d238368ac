// The gateway's part in tests of plugins: runs a real module against a host that keeps to the gateway's rules.
//
//     import { load, request } from "gatewright-sdk/testing";
//
//     const hello = load("build/hello.wasm", { greeting: "hi" });
//     const outcome = hello.run(request("GET", "/a?x=1").header("origin", "https://app.example"));
//     assert.equal(outcome.responseHeader("x-hello"), "hi");
//
// What the gateway would refuse is refused here by the same rules. Not covered: the limits of a plugin, how the plugins
// of one route meet, and the check of the configuration against the schema.

import { readFileSync } from "node:fs";

import { TestRequest } from "./request.mjs";
import { Outcome } from "./outcome.mjs";
import { imports } from "./host.mjs";

export { TestRequest, Outcome };

/** A plugin refused its configuration, or a module is none for the gateway. */
export class PluginError extends Error {}

/** A request to send through a plugin. */
export function request(method = "GET", target = "/") {
  return new TestRequest(method, target);
}

/** Loads the module in a file, and makes the plugin from its configuration. Throws a PluginError where it refuses. */
export function load(file, config = {}) {
  return new Plugin(new WebAssembly.Module(readFileSync(file)), config);
}

/** What a module says of itself: name, version, roles, and the JSON Schema of its configuration. */
export function manifest(file) {
  const instance = new Instance(new WebAssembly.Module(readFileSync(file)), {});
  return instance.manifest();
}

const MARKER = "gatewright_abi_1";

/** A plugin with its configuration. */
export class Plugin {
  #module;
  #config;
  #before;
  #after;

  constructor(module, config) {
    if (!WebAssembly.Module.exports(module).some(({ name }) => name === MARKER)) {
      throw new PluginError(`the module does not export ${MARKER}`);
    }
    this.#module = module;
    this.#config = config;
    this.#before = this.#start();
    this.#after = this.#start();
  }

  /** The bytes of memory that its larger instance has come to. */
  get memory() {
    return Math.max(this.#before.memory, this.#after.memory);
  }

  /**
   * Sends a request through all roles of the plugin: the request phase, a made-up upstream unless the plugin answers,
   * and the response phase. As in the gateway an instance serves one exchange after another until it traps, and the
   * two phases may run in different ones: here they always do.
   */
  run(request) {
    const exchange = request.exchange();
    this.#requestPhase(exchange);
    if (exchange.failure === null) this.#responsePhase(exchange, request);
    // An instance that trapped is never used again.
    if (this.#before.trapped) this.#before = this.#start();
    if (this.#after.trapped) this.#after = this.#start();
    return new Outcome(exchange);
  }

  #requestPhase(exchange) {
    for (const [hook, phase] of [["gatewright_on_request", "request"], ["gatewright_direct", "direct"]]) {
      const code = this.#before.call(hook, phase, exchange);
      if (exchange.failure !== null) return;
      if (code === 1) {
        exchange.answered = true;
        return;
      }
      exchange.answer = null;
    }
  }

  #responsePhase(exchange, request) {
    if (exchange.answered) {
      const { status, fields, body } = exchange.answer;
      Object.assign(exchange, { status, response: fields.map((field) => ({ ...field })), body });
    } else {
      request.answer(exchange);
      this.#after.call("gatewright_modify_response", "response", exchange);
    }
    if (exchange.failure === null) this.#after.call("gatewright_on_response", "response", exchange);
  }

  #start() {
    const instance = new Instance(this.#module, this.#config);
    instance.init();
    return instance;
  }
}

/** One live instance. */
class Instance {
  #host;
  #exports;
  trapped = false;

  constructor(module, config) {
    this.#host = { exchange: null, phase: "outside", reason: null, config: Buffer.from(JSON.stringify(config)) };
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
  call(hook, phase, exchange) {
    const call = this.#exports[hook];
    if (call === undefined) return 0;
    Object.assign(this.#host, { exchange, phase, hook, reason: null });
    try {
      const code = call();
      const answers = code === 1 && phase !== "response" && exchange.answer !== null;
      if (code === 0 || answers) return code;
      exchange.failure = this.#host.reason ?? `${hook} returned ${code} and gave no reason`;
    } catch (trap) {
      exchange.failure = this.#host.reason ?? trap.message;
      exchange.trapped = true;
      this.trapped = true;
    }
    return -1;
  }
}
