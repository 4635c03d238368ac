import { log_fail } from "./host";

// A place of its own, and no allocation: memory may be what there is none of.
const ROOM: i32 = 1024;
const place = memory.data(1024);

/** What the compiler calls where a program cannot go on: tells the gateway why and where, then traps. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  let length = append(0, message === null || message.length == 0 ? "aborted" : message);
  if (file !== null && file.length > 0) {
    length = append(append(length, ", at "), file);
    length = appendNumber(append(length, ":"), line);
    length = appendNumber(append(length, ":"), column);
  }
  log_fail(place, length);
  unreachable();
}

/** Appends a text after the first `length` bytes, as far as there is room; the new length. */
function append(length: i32, text: string): i32 {
  const fits = min((ROOM - length) / 3, text.length);
  return length + <i32>String.UTF8.encodeUnsafe(changetype<usize>(text), fits, place + length, false, String.UTF8.ErrorMode.REPLACE);
}

/** Appends a number in decimal, where there is room for any. */
function appendNumber(length: i32, number: u32): i32 {
  if (ROOM - length < 10) return length;
  let power: u32 = 1;
  while (number / power >= 10) power *= 10;
  for (; power > 0; power /= 10) store<u8>(place + length++, <u8>(0x30 + (number / power) % 10));
  return length;
}
