// Names with values as one run of bytes: for each, the length of the name and the length of the value, each four bytes
// little-endian, then the name and the value.

import { decode, encode } from "./bytes";
import { Code, refused } from "./refusal";

/** A header field as it was when all of them were read. */
export class Field {
  constructor(
    /** In lower case. */
    readonly name: string,
    readonly bytes: Uint8Array,
  ) {}

  /** The value as text; what is not UTF-8 in it becomes U+FFFD. */
  get value(): string {
    return decode(this.bytes.dataStart, this.bytes.length);
  }
}

/** Fields on their way to the gateway. */
export class Packed {
  private bytes: Uint8Array = new Uint8Array(0);
  /** How many of these are in use. */
  private used: i32 = 0;

  get start(): usize {
    return this.bytes.dataStart;
  }

  get length(): i32 {
    return this.used;
  }

  add(name: string, value: Uint8Array): void {
    const nameBytes = encode(name);
    const at = this.reserve(8 + nameBytes.length + value.length);
    store<u32>(at, nameBytes.length);
    store<u32>(at, value.length, 4);
    memory.copy(at + 8, nameBytes.dataStart, nameBytes.length);
    memory.copy(at + 8 + nameBytes.length, value.dataStart, value.length);
  }

  /** Room for this many bytes more; where they go. */
  private reserve(length: i32): usize {
    const needed = this.used + length;
    if (needed > this.bytes.length) {
      const larger = new Uint8Array(max(needed, this.bytes.length * 2));
      memory.copy(larger.dataStart, this.bytes.dataStart, this.used);
      this.bytes = larger;
    }
    const at = this.bytes.dataStart + this.used;
    this.used = needed;
    return at;
  }
}

/** The fields that `packed` holds. */
export function unpack(packed: Uint8Array, what: string, subject: string): Field[] {
  const fields: Field[] = [];
  let at = packed.dataStart;
  const end = at + packed.length;
  while (at + 8 <= end) {
    const nameLength = load<u32>(at);
    const valueLength = load<u32>(at, 4);
    at += 8;
    if (<u64>nameLength + valueLength > <u64>(end - at)) {
      refused(Code.Invalid, what, subject);
      return fields;
    }
    const value = new Uint8Array(valueLength);
    memory.copy(value.dataStart, at + nameLength, valueLength);
    fields.push(new Field(decode(at, nameLength), value));
    at += nameLength + valueLength;
  }
  return fields;
}
