import { pieces } from "./body.mjs";
import { Kv } from "./kv.mjs";

/** The numbers of the parts of an exchange. */
export const PART = {
  method: 0,
  path: 1,
  query: 2,
  host: 3,
  upstream: 16,
  endpoint: 17,
  hashKey: 18,
  timeoutMs: 19,
  clientIp: 32,
  scheme: 33,
  route: 34,
  requestId: 35,
  protocol: 36,
};

/** A field as exchanges hold it: the name in lower case, the value as bytes. */
export function field(name, value) {
  return { name: name.toLowerCase(), value: Buffer.from(value) };
}

/** A request to be, and what a made-up upstream says to it. Every method gives back the request. */
export class TestRequest {
  #fields = [];
  #parts = new Map();
  #attributes = new Map();
  #status = 200;
  #upstreamFields = [];
  #body = [];
  #upstreamBody = [];
  #upstreams = new Map();
  #kv = null;
  #wall = 1_000_000_000_000_000_000n;
  #takes = 0n;
  #level = 4;

  constructor(method, target) {
    const [path, ...query] = target.split("?");
    this.#part("method", method)
      .#part("path", path)
      .#part("host", "gateway.test")
      .#part("clientIp", "127.0.0.1")
      .#part("scheme", "http")
      .#part("route", "test")
      .#part("requestId", "0123456789abcdef0123456789abcdef")
      .#part("protocol", "HTTP/1.1");
    if (query.length > 0) this.#part("query", query.join("?"));
  }

  /** Adds a header field; the value is a string or bytes. */
  header(name, value) {
    if (name.toLowerCase() === "host") return this.#part("host", value);
    this.#fields.push(field(name, value));
    return this;
  }

  /** The request's body, in one piece or as it comes over the network: a hook that streams it sees these pieces. */
  body(...bodies) {
    this.#body = pieces(...bodies);
    return this;
  }

  host(host) {
    return this.#part("host", host);
  }

  clientIp(address) {
    return this.#part("clientIp", address);
  }

  scheme(scheme) {
    return this.#part("scheme", scheme);
  }

  route(name) {
    return this.#part("route", name);
  }

  /** The upstream that the route names. */
  upstream(name) {
    return this.#part("upstream", name);
  }

  /** What a plugin before this one noted. */
  attribute(name, value) {
    this.#attributes.set(name, Buffer.from(value));
    return this;
  }

  /** The least important level that is logged: 0 (error) to 4 (trace). */
  logLevel(level) {
    this.#level = level;
    return this;
  }

  /** The status of the upstream's response. */
  upstreamStatus(status) {
    this.#status = status;
    return this;
  }

  /** Adds a header field to the upstream's response. */
  upstreamHeader(name, value) {
    this.#upstreamFields.push(field(name, value));
    return this;
  }

  /** The body of the upstream's response, in one piece or several. */
  upstreamBody(...bodies) {
    this.#upstreamBody = pieces(...bodies);
    return this;
  }

  /** How long the upstream takes, in milliseconds. Nothing else moves the clock. */
  upstreamTakes(milliseconds) {
    this.#takes = BigInt(milliseconds) * 1_000_000n;
    return this;
  }

  /**
   * Makes up an upstream for the plugin's own requests. `reply` is given each as a `Sent`, and gives back what there is
   * to say: `{ status, headers, body, takes }`, or `{ error }` for no response: "timeout", "unreachable", "limit" or
   * "loop". `takes` is in milliseconds, and sets the clocks forward.
   *
   * Requests to an upstream that the test does not make up are refused, as those to one that was not granted.
   */
  withUpstream(name, reply) {
    this.#upstreams.set(name, reply);
    return this;
  }

  /** The key-value store; without it each exchange has an empty one of its own. */
  kv(kv) {
    this.#kv = kv;
    return this;
  }

  /** The time of day when the request comes, as a Date or in milliseconds since the Unix epoch. */
  at(time) {
    this.#wall = BigInt(Number(time)) * 1_000_000n;
    return this;
  }

  /** The exchange before the first hook. For `Plugin.run`. */
  exchange() {
    return {
      request: this.#fields.map((field) => ({ ...field })),
      parts: new Map(this.#parts),
      attributes: new Map(this.#attributes),
      response: null,
      status: 0,
      /** Of the request and of the response, in pieces. */
      bodies: [[...this.#body], []],
      answer: null,
      answered: false,
      failure: null,
      trapped: false,
      level: this.#level,
      logs: [],
      upstreams: new Map(this.#upstreams),
      sent: [],
      series: [],
      kv: this.#kv ?? new Kv(),
      wall: this.#wall,
      monotonic: 1_000_000_000n,
    };
  }

  /** The upstream's response. For `Plugin.run`. */
  answer(exchange) {
    exchange.response = this.#upstreamFields.map((field) => ({ ...field }));
    exchange.status = this.#status;
    exchange.bodies[1] = [...this.#upstreamBody];
    exchange.wall += this.#takes;
    exchange.monotonic += this.#takes;
  }

  #part(name, value) {
    this.#parts.set(PART[name], Buffer.from(value));
    return this;
  }
}

/** A tick to be. Every method gives back the tick. */
export class TestTick {
  #request = new TestRequest("GET", "/");

  /** The time of day when it comes, as a Date or in milliseconds since the Unix epoch. */
  at(time) {
    this.#request.at(time);
    return this;
  }

  /** The key-value store; without it each tick has an empty one of its own. */
  kv(kv) {
    this.#request.kv(kv);
    return this;
  }

  /** Makes up an upstream: see `TestRequest.withUpstream`. */
  withUpstream(name, reply) {
    this.#request.withUpstream(name, reply);
    return this;
  }

  /** What the calls of the tick see. For `Plugin.run`. */
  exchange() {
    return this.#request.exchange();
  }
}
