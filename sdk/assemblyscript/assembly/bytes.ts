// Text and bytes on their way over the border. Short runs go through fixed places in memory, so that a usual call
// allocates nothing but the string that it gives back.

// Room for a name and for a value on their way out, and for a value on its way in.
const NAME_ROOM: i32 = 256;
const VALUE_ROOM: i32 = 4096;
const IN_ROOM: i32 = 4096;
const namePlace = memory.data(256);
const valuePlace = memory.data(4096);
const inPlace = memory.data(4096);

/** A run of bytes that is about to be handed to the gateway. One for names and one for values: see below. */
class Outgoing {
  start: usize = 0;
  length: i32 = 0;
  /** Keeps a run that is too long for its fixed place. */
  private kept: ArrayBuffer | null = null;

  constructor(private place: usize, private room: i32) {}

  text(text: string): void {
    // UTF-8 needs at most three bytes for each unit of UTF-16.
    if (text.length * 3 <= this.room) {
      this.kept = null;
      this.start = this.place;
      this.length = <i32>(
        String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, this.place, false, String.UTF8.ErrorMode.REPLACE)
      );
    } else {
      this.buffer(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
    }
  }

  buffer(buffer: ArrayBuffer): void {
    this.kept = buffer;
    this.start = changetype<usize>(buffer);
    this.length = buffer.byteLength;
  }

  bytes(bytes: Uint8Array): void {
    this.kept = bytes.buffer;
    this.start = bytes.dataStart;
    this.length = bytes.length;
  }
}

/** The name that the next call hands over. */
export const name = new Outgoing(namePlace, NAME_ROOM);
/** The value that the next call hands over. */
export const value = new Outgoing(valuePlace, VALUE_ROOM);

/** What a call wrote. */
class Incoming {
  private start: usize = inPlace;
  private room: i32 = IN_ROOM;
  private kept: ArrayBuffer | null = null;

  /** Where the next call writes to. */
  get out(): usize {
    return this.start;
  }

  get cap(): i32 {
    return this.room;
  }

  /** Whether a value of `length` was too long to be written, and is to be asked for again: there is room now. */
  tooShort(length: i32): bool {
    if (length <= this.room) return false;
    const kept = new ArrayBuffer(length);
    this.kept = kept;
    this.start = changetype<usize>(kept);
    this.room = length;
    return true;
  }

  /** The `length` bytes that were written, as text; what is not UTF-8 in them becomes U+FFFD. */
  text(length: i32): string {
    const text = decode(this.start, length);
    this.reset();
    return text;
  }

  /** The `length` bytes that were written. */
  bytes(length: i32): Uint8Array {
    const bytes = new Uint8Array(length);
    memory.copy(bytes.dataStart, this.start, length);
    this.reset();
    return bytes;
  }

  private reset(): void {
    if (this.kept === null) return;
    this.kept = null;
    this.start = inPlace;
    this.room = IN_ROOM;
  }
}

/** The place that calls write to. */
export const incoming = new Incoming();

/** Text as UTF-8. */
export function encode(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
}

/** UTF-8 as text. What is not UTF-8 becomes U+FFFD, one for each byte. */
export function decode(start: usize, length: i32): string {
  const end = start + length;
  let at = start;
  while (at < end && load<u8>(at) < 0x80) ++at;
  if (at == end) return ascii(start, length);
  // No more units of UTF-16 than bytes of UTF-8.
  const units = new Uint16Array(length);
  let count = 0;
  at = start;
  while (at < end) {
    const width = sequence(at, end);
    if (width == 0) {
      units[count++] = 0xfffd;
      ++at;
      continue;
    }
    const code = codePoint(at, width);
    if (code < 0x10000) {
      units[count++] = <u16>code;
    } else {
      units[count++] = <u16>(0xd800 + ((code - 0x10000) >> 10));
      units[count++] = <u16>(0xdc00 + ((code - 0x10000) & 0x3ff));
    }
    at += width;
  }
  return String.UTF16.decodeUnsafe(units.dataStart, count << 1);
}

function ascii(start: usize, length: i32): string {
  return String.UTF8.decodeUnsafe(start, length);
}

/** How many bytes the UTF-8 sequence at `at` has; 0 where there is none. */
function sequence(at: usize, end: usize): usize {
  const first = load<u8>(at);
  if (first < 0x80) return 1;
  let width: usize = 0;
  // The bounds of the second byte keep out overlong forms, surrogates and what is above U+10FFFF.
  let low: u8 = 0x80;
  let high: u8 = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) width = 2;
  else if (first >= 0xe0 && first <= 0xef) {
    width = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    width = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  } else return 0;
  if (at + width > end) return 0;
  const second = load<u8>(at, 1);
  if (second < low || second > high) return 0;
  for (let i: usize = 2; i < width; ++i) {
    if ((load<u8>(at + i) & 0xc0) != 0x80) return 0;
  }
  return width;
}

function codePoint(at: usize, width: usize): u32 {
  const first = <u32>load<u8>(at);
  if (width == 1) return first;
  let code = first & (0x7f >> <u32>width);
  for (let i: usize = 1; i < width; ++i) code = (code << 6) | (<u32>load<u8>(at + i) & 0x3f);
  return code;
}
