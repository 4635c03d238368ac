import { Json, JsonKind } from "./json";

/**
 * A table of the plugin's configuration.
 *
 * What is missing or of a wrong type is noted, with its place, and a value of the right type comes back all the same:
 * once the plugin is made, everything that was noted is reported at once, and the gateway does not take the
 * configuration.
 */
export class Config {
  private constructor(
    private json: Json,
    private path: string,
    /** What is wrong so far. */
    readonly problems: string[],
  ) {}

  /** The configuration that `json` is. */
  static of(json: Json): Config {
    const config = new Config(json, "", []);
    if (json.kind != JsonKind.Object) config.problems.push("it is " + json.kindName + ", not a table");
    return config;
  }

  /** Whether there is such a key; `null` counts as none. */
  has(key: string): bool {
    return this.value(key) !== null;
  }

  /** The value of a key as it is; `null` where there is none. */
  value(key: string): Json | null {
    const value = this.json.get(key);
    return value === null || value.isNull ? null : value;
  }

  /** Whether the key is `false`: how options that are on by default are put off. */
  isOff(key: string): bool {
    const value = this.value(key);
    return value !== null && value.kind == JsonKind.Bool && !value.bool;
  }

  /** The keys, in their order. */
  keys(): string[] {
    return this.json.keys;
  }

  string(key: string): string {
    const value = this.need(key, JsonKind.String, "a string");
    return value === null ? "" : value.string;
  }

  stringOr(key: string, otherwise: string): string {
    return this.has(key) ? this.string(key) : otherwise;
  }

  bool(key: string): bool {
    const value = this.need(key, JsonKind.Bool, "true or false");
    return value !== null && value.bool;
  }

  boolOr(key: string, otherwise: bool): bool {
    return this.has(key) ? this.bool(key) : otherwise;
  }

  number(key: string): f64 {
    const value = this.need(key, JsonKind.Number, "a number");
    return value === null ? 0 : value.number;
  }

  numberOr(key: string, otherwise: f64): f64 {
    return this.has(key) ? this.number(key) : otherwise;
  }

  /** A whole number from `min` to `max`. */
  integer(key: string, min: i64 = i64.MIN_VALUE, max: i64 = i64.MAX_VALUE): i64 {
    const value = this.need(key, JsonKind.Number, "a whole number");
    if (value === null) return min > 0 ? min : 0;
    if (!value.isInteger) {
      this.wrong(key, "is not a whole number");
      return min > 0 ? min : 0;
    }
    if (value.integer < min) this.wrong(key, value.integer.toString() + " is below " + min.toString());
    if (value.integer > max) this.wrong(key, value.integer.toString() + " is above " + max.toString());
    return value.integer;
  }

  integerOr(key: string, otherwise: i64, min: i64 = i64.MIN_VALUE, max: i64 = i64.MAX_VALUE): i64 {
    return this.has(key) ? this.integer(key, min, max) : otherwise;
  }

  /** A list of strings. */
  strings(key: string): string[] {
    const strings: string[] = [];
    const value = this.need(key, JsonKind.Array, "a list of strings");
    if (value === null) return strings;
    for (let i = 0; i < value.items.length; ++i) {
      const item = value.items[i];
      if (item.kind == JsonKind.String) strings.push(item.string);
      else this.wrong(key + "[" + i.toString() + "]", "is " + item.kindName + ", not a string");
    }
    return strings;
  }

  stringsOr(key: string, otherwise: string[]): string[] {
    return this.has(key) ? this.strings(key) : otherwise;
  }

  /** A table in this one. Where it is missing, one without keys. */
  table(key: string): Config {
    const value = this.value(key);
    const path = this.place(key) + ".";
    if (value === null) return new Config(new Json(), path, this.problems);
    if (value.kind != JsonKind.Object) this.wrong(key, "is " + value.kindName + ", not a table");
    return new Config(value, path, this.problems);
  }

  /** A list of tables. Where it is missing, an empty one. */
  tables(key: string): Config[] {
    const tables: Config[] = [];
    if (!this.has(key)) return tables;
    const value = this.need(key, JsonKind.Array, "a list of tables");
    if (value === null) return tables;
    for (let i = 0; i < value.items.length; ++i) {
      const item = value.items[i];
      const place = key + "[" + i.toString() + "]";
      if (item.kind != JsonKind.Object) this.wrong(place, "is " + item.kindName + ", not a table");
      tables.push(new Config(item, this.place(place) + ".", this.problems));
    }
    return tables;
  }

  /** Notes that the value of a key is wrong, for a reason of the plugin's own: ``wrong("limit", "is 0: …")``. */
  wrong(key: string, why: string): void {
    this.problems.push("`" + this.place(key) + "` " + why);
  }

  /** Notes every key that is not one of `known`: for plugins whose schema does not say so. */
  refuseOthers(known: string[]): void {
    const keys = this.json.keys;
    for (let i = 0; i < keys.length; ++i) {
      if (!known.includes(keys[i])) this.wrong(keys[i], "is not a key of this plugin; known: " + known.join(", "));
    }
  }

  private need(key: string, kind: JsonKind, what: string): Json | null {
    const value = this.value(key);
    if (value === null) {
      this.wrong(key, "is missing; it is " + what);
      return null;
    }
    if (value.kind == kind) return value;
    this.wrong(key, "is " + value.kindName + ", not " + what);
    return null;
  }

  private place(key: string): string {
    return this.path + key;
  }
}
