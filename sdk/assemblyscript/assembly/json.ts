export enum JsonKind {
  Null,
  Bool,
  Number,
  String,
  Array,
  Object,
}

/** A JSON value, read whole. A small reader of its own: configurations are short, and read once for each instance. */
export class Json {
  kind: JsonKind = JsonKind.Null;
  bool: bool = false;
  /** The number, where it is one. */
  number: f64 = 0;
  /** Whether the number was written without a fraction and an exponent, and fits `integer`. */
  isInteger: bool = false;
  integer: i64 = 0;
  string: string = "";
  /** The elements of an array, or the values of an object. */
  items: Json[] = [];
  /** The keys of an object, in the order of `items`. */
  keys: string[] = [];
  /** Where `parse` met something that is not JSON: what was wrong, and where. */
  problem: string | null = null;

  /** Reads a text. Where it is not JSON, `problem` of what comes back says so. */
  static parse(text: string): Json {
    const reader = new Reader(text);
    const value = reader.document();
    value.problem = reader.problem;
    return value;
  }

  /** A string as JSON, with its quotes. */
  static quote(text: string): string {
    let quoted = '"';
    let copied = 0;
    for (let i = 0; i < text.length; ++i) {
      const c = text.charCodeAt(i);
      if (c >= 0x20 && c != 0x22 && c != 0x5c) continue;
      quoted += text.substring(copied, i);
      copied = i + 1;
      if (c >= 0x20) quoted += "\\" + String.fromCharCode(c);
      else quoted += "\\u00" + (c < 0x10 ? "0" : "") + c.toString(16);
    }
    return quoted + text.substring(copied) + '"';
  }

  /** The value of an object's key, or `null`; of a key that was given twice, the last. */
  get(key: string): Json | null {
    const place = this.keys.lastIndexOf(key);
    return place < 0 ? null : this.items[place];
  }

  get isNull(): bool {
    return this.kind == JsonKind.Null;
  }

  /** What it is, in words: `a string`. */
  get kindName(): string {
    switch (this.kind) {
      case JsonKind.Bool:
        return this.bool ? "true" : "false";
      case JsonKind.Number:
        return "a number";
      case JsonKind.String:
        return "a string";
      case JsonKind.Array:
        return "a list";
      case JsonKind.Object:
        return "a table";
      default:
        return "null";
    }
  }
}

// Deeper than any configuration, and far from the end of the stack.
const MAX_DEPTH = 64;

class Reader {
  problem: string | null = null;
  private at: i32 = 0;
  private depth: i32 = 0;

  constructor(private text: string) {}

  document(): Json {
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail("something after the end");
    return value;
  }

  private value(): Json {
    const value = new Json();
    this.space();
    const c = this.peek();
    if (c == CURLY) this.object(value);
    else if (c == SQUARE) this.array(value);
    else if (c == QUOTE) {
      value.kind = JsonKind.String;
      value.string = this.quoted();
    } else if (c == MINUS || isDigit(c)) this.number(value);
    else if (this.word("true") || this.word("false")) {
      value.kind = JsonKind.Bool;
      value.bool = c == 0x74;
    } else if (!this.word("null")) this.fail("no value");
    return value;
  }

  private object(value: Json): void {
    value.kind = JsonKind.Object;
    if (!this.enter()) return;
    if (this.closes(0x7d)) return;
    do {
      this.space();
      if (this.peek() != QUOTE) return this.fail("no key");
      value.keys.push(this.quoted());
      this.space();
      if (!this.skip(0x3a)) return this.fail("no `:`");
      value.items.push(this.value());
      this.space();
    } while (this.problem === null && this.skip(COMMA));
    this.leave(0x7d);
  }

  private array(value: Json): void {
    value.kind = JsonKind.Array;
    if (!this.enter()) return;
    if (this.closes(0x5d)) return;
    do {
      value.items.push(this.value());
      this.space();
    } while (this.problem === null && this.skip(COMMA));
    this.leave(0x5d);
  }

  private enter(): bool {
    ++this.at;
    if (++this.depth <= MAX_DEPTH) return true;
    this.fail("too deep");
    return false;
  }

  /** Whether it is empty. */
  private closes(bracket: i32): bool {
    this.space();
    if (!this.skip(bracket)) return false;
    --this.depth;
    return true;
  }

  private leave(bracket: i32): void {
    --this.depth;
    if (this.problem === null && !this.skip(bracket)) this.fail(bracket == 0x5d ? "no `]`" : "no `}`");
  }

  private number(value: Json): void {
    const start = this.at;
    this.skip(MINUS);
    const leading = this.at;
    this.digits();
    if (this.peekAt(leading) == 0x30 && this.at > leading + 1) return this.fail("a number that begins with 0");
    const whole = this.at;
    if (this.skip(0x2e)) this.digits();
    if ((this.peek() | 0x20) == 0x65) {
      ++this.at;
      if (!this.skip(0x2b)) this.skip(MINUS);
      this.digits();
    }
    if (this.problem !== null) return;
    const text = this.text.substring(start, this.at);
    value.kind = JsonKind.Number;
    value.number = parseFloat(text);
    // Up to 18 digits are sure to fit.
    value.isInteger = whole == this.at && whole - leading <= 18;
    if (value.isInteger) value.integer = I64.parseInt(text);
  }

  private digits(): void {
    const start = this.at;
    while (isDigit(this.peek())) ++this.at;
    if (this.at == start) this.fail("no digit");
  }

  private quoted(): string {
    let text = "";
    let copied = ++this.at;
    while (this.at < this.text.length) {
      const c = this.peek();
      if (c == QUOTE) {
        text += this.text.substring(copied, this.at++);
        return text;
      }
      if (c < 0x20) break;
      if (c != 0x5c) {
        ++this.at;
        continue;
      }
      text += this.text.substring(copied, this.at) + this.escape();
      copied = this.at;
      if (this.problem !== null) return text;
    }
    this.fail("a string that does not end");
    return text;
  }

  private escape(): string {
    const c = this.peekAt(this.at + 1);
    this.at += 2;
    switch (c) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        return String.fromCharCode(c);
      case 0x62:
        return "\b";
      case 0x66:
        return "\f";
      case 0x6e:
        return "\n";
      case 0x72:
        return "\r";
      case 0x74:
        return "\t";
      case 0x75:
        return String.fromCharCode(this.hex4());
      default:
        this.fail("an unknown escape");
        return "";
    }
  }

  private hex4(): i32 {
    let code = 0;
    for (let i = 0; i < 4; ++i, ++this.at) {
      const c = this.peek();
      const letter = c | 0x20;
      if (isDigit(c)) code = (code << 4) | (c - 0x30);
      else if (letter >= 0x61 && letter <= 0x66) code = (code << 4) | (letter - 0x61 + 10);
      else {
        this.fail("no four hexadecimal digits after `\\u`");
        return 0;
      }
    }
    return code;
  }

  private word(word: string): bool {
    if (this.text.substr(this.at, word.length) != word) return false;
    this.at += word.length;
    return true;
  }

  private space(): void {
    for (;;) {
      const c = this.peek();
      if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return;
      ++this.at;
    }
  }

  private skip(c: i32): bool {
    if (this.peek() != c) return false;
    ++this.at;
    return true;
  }

  /** The unit at hand; -1 at the end. */
  private peek(): i32 {
    return this.peekAt(this.at);
  }

  private peekAt(at: i32): i32 {
    return at < this.text.length ? this.text.charCodeAt(at) : -1;
  }

  private fail(what: string): void {
    if (this.problem === null) this.problem = "not JSON: " + what + " at character " + (this.at + 1).toString();
  }
}

const QUOTE: i32 = 0x22;
const COMMA: i32 = 0x2c;
const MINUS: i32 = 0x2d;
const SQUARE: i32 = 0x5b;
const CURLY: i32 = 0x7b;

function isDigit(c: i32): bool {
  return c >= 0x30 && c <= 0x39;
}
