import { encode, name as nameOut } from "./bytes";
import { Metric, metrics_add, metrics_define, metrics_observe, metrics_set } from "./host";
import { Packed } from "./packed";
import { Code, done, refused } from "./refusal";

/** A number that only grows. */
export class Counter {
  constructor(private series: Series) {}

  /** Adds one. */
  increment(): bool {
    return this.add(1);
  }

  /** Adds a value, which is not less than 0. */
  add(value: f64): bool {
    return done(metrics_add(this.series.id, value), "add to metric", this.series.name);
  }
}

/** A number that goes up and down. */
export class Gauge {
  constructor(private series: Series) {}

  set(value: f64): bool {
    return done(metrics_set(this.series.id, value), "set metric", this.series.name);
  }

  /** Adds a value, which may be less than 0. */
  add(value: f64): bool {
    return done(metrics_add(this.series.id, value), "add to metric", this.series.name);
  }
}

/** Counts values by their size. */
export class Histogram {
  constructor(private series: Series) {}

  observe(value: f64): bool {
    return done(metrics_observe(this.series.id, value), "observe metric", this.series.name);
  }

  /** Counts a time, such as the difference of two `clock.monotonic()`; it is counted in seconds. */
  observeTime(nanoseconds: i64): bool {
    return this.observe(<f64>nanoseconds / 1e9);
  }
}

/**
 * Numbers for the gateway's metrics page.
 *
 * A series is a name with labels, shared by all instances of the plugin and kept from reload to reload. It appears as
 * `gatewright_guest_NAME{plugin="PLUGIN", …}`. Make it once, when the plugin is made, and keep it in a field: to use it
 * is a single call.
 *
 * Names, and those of labels, are made of letters, digits and `_`, and do not begin with a digit. Labels are pairs:
 * `[["why", "closed"]]`. Give a label few values: each is a series of its own, and a plugin has a limited number.
 */
export namespace metrics {
  /** The counter with this name and these labels; its name should end in `_total`. */
  export function counter(name: string, labels: string[][] = []): Counter {
    return new Counter(define(Metric.Counter, name, labels));
  }

  /** The gauge with this name and these labels. */
  export function gauge(name: string, labels: string[][] = []): Gauge {
    return new Gauge(define(Metric.Gauge, name, labels));
  }

  /** The histogram with this name and these labels; times are in seconds, and its name should end in the unit. */
  export function histogram(name: string, labels: string[][] = []): Histogram {
    return new Histogram(define(Metric.Histogram, name, labels));
  }
}

class Series {
  constructor(
    /** The gateway's number of it; negative, which nothing can be done with, where it refused. */
    readonly id: i32,
    readonly name: string,
  ) {}
}

function define(kind: Metric, name: string, labels: string[][]): Series {
  const packed = new Packed();
  for (let i = 0; i < labels.length; ++i) {
    const label = labels[i];
    if (label.length == 2) packed.add(label[0], encode(label[1]));
    else refused(Code.Invalid, "define metric", name);
  }
  nameOut.text(name);
  const id = metrics_define(kind, nameOut.start, nameOut.length, packed.start, packed.length);
  done(id, "define metric", name);
  return new Series(id, name);
}
