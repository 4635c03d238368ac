import { decode, value as valueOut } from "./bytes";
import { Message, body_read, body_replace, body_size, body_whole } from "./host";
import { Json } from "./json";
import { Code, done, refusedWith } from "./refusal";

/**
 * The body of a message, as much of it as the hook asks for with its `BodyMode`. A hook that asks for none, or for
 * `stream`, is refused everything here.
 */
export class Body {
  constructor(private message: Message) {}

  /** How many bytes are at hand: the first ones of a `peek`, all of a `buffer`. */
  get size(): i32 {
    const size = body_size(this.message);
    return done(size, "read size of the body of", this.name) ? size : 0;
  }

  /** Whether the bytes at hand are all there are. */
  get isWhole(): bool {
    const whole = body_whole(this.message);
    return done(whole, "read end of the body of", this.name) && whole == 1;
  }

  /** The bytes at hand. */
  bytes(): Uint8Array {
    const size = this.size;
    const bytes = new Uint8Array(size);
    if (size > 0) done(body_read(this.message, 0, bytes.dataStart, size), "read body of", this.name);
    return bytes;
  }

  /** The bytes at hand as text; what is not UTF-8 in them becomes U+FFFD. */
  text(): string {
    const bytes = this.bytes();
    return decode(bytes.dataStart, bytes.length);
  }

  /** The bytes at hand, read as JSON; `null` (a refusal) where they are none. */
  json(): Json | null {
    return parsed(this.text(), "read body of", this.name);
  }

  /**
   * Replaces the whole body, where the hook asks for `BodyMode.buffer()`. What is read from then on is the new one.
   * More bytes than the plugin's `limits.body` are refused.
   */
  replace(text: string): bool {
    valueOut.text(text);
    return done(body_replace(this.message, valueOut.start, valueOut.length), "replace body of", this.name);
  }

  /** Replaces the whole body by bytes. */
  replaceBytes(bytes: Uint8Array): bool {
    return done(body_replace(this.message, bytes.dataStart, bytes.length), "replace body of", this.name);
  }

  private get name(): string {
    return this.message == Message.Request ? "request" : "response";
  }
}

/** A text as JSON; `null`, and a refusal, where it is none. */
export function parsed(text: string, what: string, subject: string): Json | null {
  const json = Json.parse(text);
  const problem = json.problem;
  if (problem === null) return json;
  refusedWith(Code.Invalid, what, subject, problem);
  return null;
}
