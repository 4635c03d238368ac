import { labelsOf } from "./metrics.mjs";
import { PART } from "./request.mjs";

const LEVELS = ["error", "warn", "info", "debug", "trace"];

/** What became of an exchange. */
export class Outcome {
  #exchange;

  constructor(exchange) {
    this.#exchange = exchange;
  }

  /** Whether the plugin answered by itself. */
  get answered() {
    return this.#exchange.answered;
  }

  /** Why a hook failed, or null. */
  get failure() {
    return this.#exchange.failure;
  }

  /** Whether the failure was a trap: the gateway throws the instance away. */
  get trapped() {
    return this.#exchange.trapped;
  }

  /** The status that the client sees. */
  get status() {
    return this.#exchange.status;
  }

  /** The body that the client sees, as text. */
  get body() {
    return this.bodyBytes.toString();
  }

  get bodyBytes() {
    return Buffer.concat(this.#exchange.bodies[1]);
  }

  /** The same in the pieces in which it goes to the client, each as text. */
  get pieces() {
    return this.#exchange.bodies[1].map((piece) => piece.toString());
  }

  /** The request's body as it went to the upstream, as text. */
  get requestBody() {
    return this.requestBodyBytes.toString();
  }

  get requestBodyBytes() {
    return Buffer.concat(this.#exchange.bodies[0]);
  }

  /** The first value of a header of the request as it went to the upstream, or null. */
  header(name) {
    return this.headers(name)[0] ?? null;
  }

  headers(name) {
    return values(this.#exchange.request, name);
  }

  /** The first value of a header of the response as it went to the client, or null. */
  responseHeader(name) {
    return this.responseHeaders(name)[0] ?? null;
  }

  responseHeaders(name) {
    return values(this.#exchange.response ?? [], name);
  }

  get method() {
    return this.#part("method");
  }

  get path() {
    return this.#part("path");
  }

  get query() {
    return this.#part("query");
  }

  get host() {
    return this.#part("host");
  }

  get upstream() {
    return this.#part("upstream");
  }

  get endpoint() {
    return this.#part("endpoint");
  }

  get hashKey() {
    return this.#part("hashKey");
  }

  /** In milliseconds, or null. */
  get timeout() {
    const text = this.#part("timeoutMs");
    return text === null ? null : Number(text);
  }

  /** An attribute as text, or null. */
  attribute(name) {
    return this.#exchange.attributes.get(name)?.toString() ?? null;
  }

  /** All attributes: `{ name, value }`. */
  get attributes() {
    return [...this.#exchange.attributes].map(([name, value]) => ({ name, value: value.toString() }));
  }

  /** What was logged: `{ level: "info", line: "…" }`. */
  get logs() {
    return this.#exchange.logs.map(({ level, line }) => ({ level: LEVELS[level], line }));
  }

  /** What the plugin sent to upstreams by itself, each a `Sent`. */
  get sent() {
    return [...this.#exchange.sent];
  }

  /** What this exchange added to a counter of the plugin, or where a gauge stands after it; null where there is none. */
  metric(name, labels = {}) {
    return this.#series(name, labels)?.value ?? null;
  }

  /** The values that this exchange had a histogram count. */
  observed(name, labels = {}) {
    return this.#series(name, labels)?.observed ?? [];
  }

  #series(name, labels) {
    const wanted = labelsOf(Object.entries(labels));
    return this.#exchange.series.find((series) => series.name === name && series.labels === wanted);
  }

  #part(name) {
    return this.#exchange.parts.get(PART[name])?.toString() ?? null;
  }
}

function values(fields, name) {
  return fields.filter((field) => field.name === name.toLowerCase()).map(({ value }) => value.toString());
}
