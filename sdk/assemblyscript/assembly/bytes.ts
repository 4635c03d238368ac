// Text and bytes on their way over the border. Short runs go through fixed places in memory, so that a usual call
// allocates nothing but the string that it gives back.
//
// What stands for these places is unmanaged: the garbage collector does not follow it, so using it costs no more than
// using a number. Nothing that the collector owns may be kept in there.

// Room for a name, and for a value on its way in or out: it never goes both ways in one call.
const NAME_ROOM: i32 = 256;
const VALUE_ROOM: i32 = 4096;
const namePlace = heap.alloc(NAME_ROOM);
const valuePlace = heap.alloc(VALUE_ROOM);

/** A run of bytes that is about to be handed to the gateway. One for names and one for values: see below. */
// @ts-ignore: decorator
@unmanaged
class Outgoing {
  start: usize = 0;
  length: i32 = 0;
  /** A place of its own for a run that is too long for the fixed one; 0 where there is none. */
  private long: usize = 0;

  constructor(private place: usize, private room: i32) {}

  text(text: string): void {
    const units = changetype<usize>(text);
    // UTF-8 needs at most three bytes for each unit of UTF-16.
    this.start = text.length * 3 <= this.room ? this.place : this.longPlace(units);
    this.length = write(units, text.length, this.start);
  }

  /** The caller keeps them until the call has been made. */
  bytes(bytes: Uint8Array): void {
    this.start = bytes.dataStart;
    this.length = bytes.length;
  }

  /** Room for the text at `units`, in the place of the one before, which nobody reads any more. */
  private longPlace(units: usize): usize {
    if (this.long != 0) heap.free(this.long);
    this.long = heap.alloc(String.UTF8.byteLength(changetype<string>(units)));
    return this.long;
  }
}

/** The name that the next call hands over. */
export const name = new Outgoing(namePlace, NAME_ROOM);
/** The value that the next call hands over. */
export const value = new Outgoing(valuePlace, VALUE_ROOM);

/** What a call wrote. */
// @ts-ignore: decorator
@unmanaged
class Incoming {
  /** Where the next call writes to. */
  out: usize = valuePlace;
  cap: i32 = VALUE_ROOM;

  /** Whether a value of `length` was too long to be written, and is to be asked for again: there is room now. */
  tooShort(length: i32): bool {
    if (length <= this.cap) return false;
    this.reset();
    this.out = heap.alloc(length);
    this.cap = length;
    return true;
  }

  /** The `length` bytes that were written, as text; what is not UTF-8 in them becomes U+FFFD. */
  text(length: i32): string {
    const text = decode(this.out, length);
    this.reset();
    return text;
  }

  /** The `length` bytes that were written. */
  bytes(length: i32): Uint8Array {
    const bytes = new Uint8Array(length);
    memory.copy(bytes.dataStart, this.out, length);
    this.reset();
    return bytes;
  }

  private reset(): void {
    if (this.out == valuePlace) return;
    heap.free(this.out);
    this.out = valuePlace;
    this.cap = VALUE_ROOM;
  }
}

/** The place that calls write to. */
export const incoming = new Incoming();

/** Text as UTF-8. */
export function encode(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
}

/** Writes the `length` units of UTF-16 at `from` to `place` as UTF-8; how many bytes. A lone surrogate becomes U+FFFD. */
function write(from: usize, length: i32, place: usize): i32 {
  const end = from + (<usize>length << 1);
  let to = place;
  // Names and values are ASCII for the most part: four units at once, each of which becomes its lower byte.
  for (; from + 8 <= end; from += 8, to += 4) {
    let units = load<u64>(from);
    if ((units & 0xff80_ff80_ff80_ff80) != 0) break;
    units |= units >> 8;
    store<u32>(to, <u32>((units & 0xffff) | ((units >> 16) & 0xffff_0000)));
  }
  for (; from < end && load<u16>(from) < 0x80; from += 2, ++to) store<u8>(to, <u8>load<u16>(from));
  const written = <i32>(to - place);
  if (from == end) return written;
  const rest = <i32>((end - from) >> 1);
  return written + <i32>String.UTF8.encodeUnsafe(from, rest, to, false, String.UTF8.ErrorMode.REPLACE);
}

/** UTF-8 as text. What is not UTF-8 becomes U+FFFD, one for each byte. */
export function decode(start: usize, length: i32): string {
  // No more units of UTF-16 than bytes of UTF-8.
  const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
  let to = changetype<usize>(text);
  let at = start;
  const end = start + length;
  // As in `write`, the other way around.
  for (; at + 4 <= end; at += 4, to += 8) {
    let bytes = <u64>load<u32>(at);
    if ((bytes & 0x8080_8080) != 0) break;
    bytes = (bytes | (bytes << 16)) & 0x0000_ffff_0000_ffff;
    store<u64>(to, (bytes | (bytes << 8)) & 0x00ff_00ff_00ff_00ff);
  }
  for (; at < end && load<u8>(at) < 0x80; ++at, to += 2) store<u16>(to, load<u8>(at));
  return at == end ? text : decodeRest(text, to, at, end);
}

/** Goes on where `decode` met what is not ASCII: writes the rest of `text` from `to` on. */
function decodeRest(text: string, to: usize, start: usize, end: usize): string {
  let at = start;
  while (at < end) {
    const width = sequence(at, end);
    const code = width == 0 ? 0xfffd : codePoint(at, width);
    at += max(width, 1);
    if (code < 0x10000) {
      store<u16>(to, <u16>code);
      to += 2;
    } else {
      store<u16>(to, <u16>(0xd800 + ((code - 0x10000) >> 10)));
      store<u16>(to, <u16>(0xdc00 + ((code - 0x10000) & 0x3ff)), 2);
      to += 4;
    }
  }
  const units = changetype<usize>(text);
  return changetype<string>(__renew(units, to - units));
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
