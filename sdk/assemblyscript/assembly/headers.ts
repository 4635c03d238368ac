import { incoming, name as nameOut, value as valueOut } from "./bytes";
import { Message, head_add, head_all, head_get, head_remove, head_set } from "./host";
import { Field, unpack } from "./packed";
import { Code, done, refused } from "./refusal";

/**
 * The header fields of a message.
 *
 * Names are compared without regard to case. Values are bytes: the methods without `Bytes` in their name read them as
 * UTF-8, with U+FFFD for what is none. The request can be changed before it is sent, the response afterwards.
 *
 * The gateway alone sets `cdn-loop`, `connection`, `content-length`, `keep-alive`, `proxy-connection`, `te`, `trailer`,
 * `transfer-encoding` and `upgrade`.
 */
export class Headers {
  constructor(private message: Message) {}

  /** The first value of a header, or `null`. */
  get(name: string): string | null {
    const length = this.read(name, 0);
    return length < 0 ? null : incoming.text(length);
  }

  /** The first value of a header, or `null`. */
  getBytes(name: string): Uint8Array | null {
    const length = this.read(name, 0);
    return length < 0 ? null : incoming.bytes(length);
  }

  /** All values of a header, in their order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    let length = this.read(name, 0);
    for (let index: u32 = 1; length >= 0; ++index) {
      values.push(incoming.text(length));
      length = this.read(name, index);
    }
    return values;
  }

  /** All values of a header, in their order. */
  getAllBytes(name: string): Uint8Array[] {
    const values: Uint8Array[] = [];
    let length = this.read(name, 0);
    for (let index: u32 = 1; length >= 0; ++index) {
      values.push(incoming.bytes(length));
      length = this.read(name, index);
    }
    return values;
  }

  /** Whether there is such a header. */
  has(name: string): bool {
    nameOut.text(name);
    const answer = head_get(this.message, nameOut.start, nameOut.length, 0, 0, 0);
    return answer >= 0 || this.missing(answer, "read", name);
  }

  /** All header fields at once, with one call to the gateway. */
  all(): Field[] {
    let length = head_all(this.message, incoming.out, incoming.cap);
    while (incoming.tooShort(length)) length = head_all(this.message, incoming.out, incoming.cap);
    if (!done(length, "read headers", this.owner)) return [];
    return unpack(incoming.bytes(length), "read headers", this.owner);
  }

  /** Replaces all values of a header by one. */
  set(name: string, value: string): bool {
    valueOut.text(value);
    return this.setOut(name);
  }

  /** Replaces all values of a header by one. */
  setBytes(name: string, value: Uint8Array): bool {
    valueOut.bytes(value);
    return this.setOut(name);
  }

  /** Adds a value to a header and keeps those there are. */
  add(name: string, value: string): bool {
    valueOut.text(value);
    return this.addOut(name);
  }

  /** Adds a value to a header and keeps those there are. */
  addBytes(name: string, value: Uint8Array): bool {
    valueOut.bytes(value);
    return this.addOut(name);
  }

  /** Removes all values of a header; `false` where there was none. */
  remove(name: string): bool {
    nameOut.text(name);
    const answer = head_remove(this.message, nameOut.start, nameOut.length);
    return answer >= 0 || this.missing(answer, "remove", name);
  }

  private get owner(): string {
    return this.message == Message.Request ? "request" : "response";
  }

  /** Keeps what was refused, unless there merely is no such header. Always `false`. */
  private missing(answer: i32, verb: string, name: string): bool {
    return answer != Code.NotFound && this.refused(answer, verb, name);
  }

  /** Keeps what was refused. Always `false`. */
  private refused(answer: i32, verb: string, name: string): bool {
    return refused(answer, verb + " " + this.owner + " header", name);
  }

  private read(name: string, index: u32): i32 {
    nameOut.text(name);
    let length = head_get(this.message, nameOut.start, nameOut.length, index, incoming.out, incoming.cap);
    while (incoming.tooShort(length)) {
      length = head_get(this.message, nameOut.start, nameOut.length, index, incoming.out, incoming.cap);
    }
    if (length < 0) this.missing(length, "read", name);
    return length;
  }

  private setOut(name: string): bool {
    nameOut.text(name);
    const answer = head_set(this.message, nameOut.start, nameOut.length, valueOut.start, valueOut.length);
    return answer >= 0 || this.refused(answer, "set", name);
  }

  private addOut(name: string): bool {
    nameOut.text(name);
    const answer = head_add(this.message, nameOut.start, nameOut.length, valueOut.start, valueOut.length);
    return answer >= 0 || this.refused(answer, "add", name);
  }
}
