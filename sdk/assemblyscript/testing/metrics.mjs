// The series of a plugin: they outlive exchanges, and all its instances share them.

import { CODE, refuse, unpack } from "./check.mjs";

const [COUNTER, GAUGE, HISTOGRAM] = [0, 1, 2];
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that are the gateway's own. */
const RESERVED = /^(plugin|le|__.*)$/;

/** What a plugin has counted. */
export class Metrics {
  /** In the order of their ids: `{ name, labels, kind, value, observed }`. */
  #series = [];

  define(kind, name, labels) {
    if (![COUNTER, GAUGE, HISTOGRAM].includes(kind)) refuse(CODE.invalid);
    if (this.#series.some((series) => series.name === name && series.kind !== kind)) refuse(CODE.invalid);
    const known = this.#series.findIndex((series) => series.name === name && series.labels === labels);
    return known >= 0 ? known : this.#series.push({ name, labels, kind, value: 0, observed: [] }) - 1;
  }

  add(id, value) {
    const series = this.#changed(id, value);
    if (series.kind === HISTOGRAM || !(value >= 0 || series.kind === GAUGE)) refuse(CODE.invalid);
    series.value += value;
  }

  set(id, value) {
    const series = this.#changed(id, value);
    if (series.kind !== GAUGE) refuse(CODE.invalid);
    series.value = value;
  }

  observe(id, value) {
    const series = this.#changed(id, value);
    if (series.kind !== HISTOGRAM) refuse(CODE.invalid);
    series.observed.push(value);
  }

  /** The series as they are now. */
  now() {
    return this.#series.map((series) => ({ ...series, observed: [...series.observed] }));
  }

  #changed(id, value) {
    if (!Number.isFinite(value)) refuse(CODE.invalid);
    return this.#series[id >>> 0] ?? refuse(CODE.notFound);
  }
}

/** Labels as one text, whatever their order. */
export function labelsOf(pairs) {
  return JSON.stringify(pairs.map(([name, value]) => [name, value]).sort());
}

/** What was counted since the series were `before`; gauges stand where they stand. */
export function since(before, now) {
  return now.map((series, id) => {
    const then = before[id] ?? { value: 0, observed: [] };
    const value = series.kind === COUNTER ? series.value - then.value : series.value;
    return { ...series, value, observed: series.observed.slice(then.observed.length) };
  });
}

/** The calls; `host.metrics` are those of the plugin. */
export function metricsCalls(host, { bytes }) {
  return {
    define(kind, name, nameLength, labels, labelsLength) {
      const pairs = unpack(bytes(labels, labelsLength)).map(([name, value]) => [nameOf(name), textOf(value)]);
      const names = new Set(pairs.map(([name]) => name));
      if (names.size < pairs.length || pairs.some(([name]) => RESERVED.test(name))) refuse(CODE.invalid);
      return host.metrics.define(kind, nameOf(bytes(name, nameLength)), labelsOf(pairs));
    },
    add: (id, value) => host.metrics.add(id, value),
    set: (id, value) => host.metrics.set(id, value),
    observe: (id, value) => host.metrics.observe(id, value),
  };
}

function nameOf(name) {
  const text = name.toString("latin1");
  return NAME.test(text) ? text : refuse(CODE.invalid);
}

function textOf(value) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return refuse(CODE.invalid);
  }
}
