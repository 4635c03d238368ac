import { random_fill } from "./host";
import { done } from "./refusal";

// The most that the gateway gives at once.
const AT_ONCE: i32 = 64 * 1024;
const place = memory.data(8);

/** Random bytes that nobody can foretell. (`Math.random` would import what the gateway does not offer.) */
export namespace random {
  /** So many random bytes. */
  export function bytes(length: i32): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += AT_ONCE) {
      if (!fill(bytes.dataStart + at, min(AT_ONCE, length - at))) break;
    }
    return bytes;
  }

  /** A random whole number, any of them. */
  export function integer(): u64 {
    return fill(place, 8) ? load<u64>(place) : 0;
  }

  /** A random number from 0 up to, not including, 1. */
  export function number(): f64 {
    // As many bits as an f64 holds exactly.
    return <f64>(integer() >> 11) / 9007199254740992;
  }
}

function fill(start: usize, length: i32): bool {
  return done(random_fill(start, length), "random bytes", length.toString());
}
