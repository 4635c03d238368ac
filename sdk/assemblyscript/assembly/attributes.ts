import { parsed } from "./body";
import { incoming, name as nameOut, value as valueOut } from "./bytes";
import { attributes_get, attributes_remove, attributes_set } from "./host";
import { Json } from "./json";
import { Code, done, found, refused } from "./refusal";

/**
 * What the plugins of an exchange note about it: names with bytes, kept by the gateway from the first hook to the
 * access log, seen by every plugin of the exchange.
 *
 * The phases of a middleware may run in different instances of the plugin: what the response phase must know of the
 * request phase goes here, not into a field of the class. Names are shared by all plugins, so give yours a prefix
 * where others should not meet them.
 */
export class Attributes {
  /** The value of an attribute as text, or `null`; what is not UTF-8 in it becomes U+FFFD. */
  get(name: string): string | null {
    const length = this.read(name);
    return length < 0 ? null : incoming.text(length);
  }

  /** The value of an attribute, or `null`. */
  getBytes(name: string): Uint8Array | null {
    const length = this.read(name);
    return length < 0 ? null : incoming.bytes(length);
  }

  /** The value of an attribute as a number; `NaN` where there is none, or (a refusal) where it is no number. */
  getNumber(name: string): f64 {
    const text = this.get(name);
    if (text === null) return NaN;
    const number = parseFloat(text);
    if (isNaN(number)) refused(Code.Invalid, "read attribute as a number", name);
    return number;
  }

  /** Sets an attribute. */
  set(name: string, value: string): bool {
    valueOut.text(value);
    return this.setOut(name);
  }

  /** Sets an attribute. */
  setBytes(name: string, value: Uint8Array): bool {
    valueOut.bytes(value);
    return this.setOut(name);
  }

  /** Sets an attribute to a number, in decimal: whole numbers without a fraction. */
  setNumber(name: string, value: f64): bool {
    // 2^53: from here on not every whole number is one of these.
    const whole = value == Math.trunc(value) && Math.abs(value) <= 9007199254740992;
    return this.set(name, whole ? (<i64>value).toString() : value.toString());
  }

  /** Whether an attribute is `true`; `false` where there is none, or (a refusal) where it is neither of the two. */
  getBool(name: string): bool {
    const text = this.get(name);
    if (text !== null && text != "true" && text != "false") refused(Code.Invalid, "read attribute as a boolean", name);
    return text !== null && text == "true";
  }

  /** Sets an attribute to `true` or `false`. */
  setBool(name: string, value: bool): bool {
    return this.set(name, value ? "true" : "false");
  }

  /** The value of an attribute, read as JSON; `null` where there is none, or (a refusal) where it is no JSON. */
  getJson(name: string): Json | null {
    const text = this.get(name);
    return text === null ? null : parsed(text, "read attribute", name);
  }

  /** Removes an attribute; `false` where there was none. */
  remove(name: string): bool {
    nameOut.text(name);
    return found(attributes_remove(nameOut.start, nameOut.length), "remove attribute", name);
  }

  private read(name: string): i32 {
    nameOut.text(name);
    let length = attributes_get(nameOut.start, nameOut.length, incoming.out, incoming.cap);
    while (incoming.tooShort(length)) {
      length = attributes_get(nameOut.start, nameOut.length, incoming.out, incoming.cap);
    }
    found(length, "read attribute", name);
    return length;
  }

  private setOut(name: string): bool {
    nameOut.text(name);
    const answer = attributes_set(nameOut.start, nameOut.length, valueOut.start, valueOut.length);
    return done(answer, "set attribute", name);
  }
}
