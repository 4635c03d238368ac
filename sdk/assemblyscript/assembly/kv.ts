import { encode, incoming, name as keyOut, value as valueOut } from "./bytes";
import { kv_add, kv_delete, kv_get, kv_put, kv_swap } from "./host";
import { done, found } from "./refusal";

// As the length of what a swap expects: there must be no entry.
const ABSENT: i32 = -1;
const sumPlace = memory.data(8);

/**
 * The key-value store: what a plugin remembers from one exchange to the next.
 *
 * Entries are shared by all instances of the plugin in all workers, and last from reload to reload until the gateway
 * ends. To use it the plugin must be granted it: `allow = ["kv"]`. A key has 1 to 512 bytes, a value up to 64 KiB. Not
 * to be used while a plugin is made, in hooks only.
 *
 * A time to live is in milliseconds; 0, the default, is for ever. Where the store is full, writing a new entry is
 * refused with `Code.Limit`, and entries are never dropped before their time to make room: so give them one.
 */
export namespace kv {
  /** The value of an entry as text, or `null`; what is not UTF-8 in it becomes U+FFFD. */
  export function get(key: string): string | null {
    const length = read(key);
    return length < 0 ? null : incoming.text(length);
  }

  /** The value of an entry, or `null`. */
  export function getBytes(key: string): Uint8Array | null {
    const length = read(key);
    return length < 0 ? null : incoming.bytes(length);
  }

  /** Writes an entry, over the one there may be. */
  export function put(key: string, value: string, ttl: i64 = 0): bool {
    valueOut.text(value);
    return putOut(key, ttl);
  }

  /** Writes an entry, over the one there may be. */
  export function putBytes(key: string, value: Uint8Array, ttl: i64 = 0): bool {
    valueOut.bytes(value);
    return putOut(key, ttl);
  }

  /** Removes an entry; `false` where there was none. */
  export function remove(key: string): bool {
    keyOut.text(key);
    return found(kv_delete(keyOut.start, keyOut.length), "remove entry", key);
  }

  /**
   * Adds to a counter and gives back what it is then, in one step that nobody comes between.
   *
   * A counter is an entry whose value is a number in decimal digits. Where there is none it begins at 0 and ends after
   * `ttl`; later additions leave its end where it is. Another value, or a sum beyond 64 bits, is refused.
   */
  export function add(key: string, delta: i64, ttl: i64 = 0): i64 {
    keyOut.text(key);
    const answer = kv_add(keyOut.start, keyOut.length, delta, ttl, sumPlace);
    return done(answer, "add to entry", key) ? load<i64>(sumPlace) : 0;
  }

  /**
   * Writes `value` if the entry's value is `old`, or with `null` if there is no entry. `false` where it is not so, and
   * then nothing has changed: read it again and decide anew.
   */
  export function compareAndSwap(key: string, old: string | null, value: string, ttl: i64 = 0): bool {
    return compareAndSwapBytes(key, old === null ? null : encode(old), encode(value), ttl);
  }

  /** Like `compareAndSwap`, with bytes. */
  export function compareAndSwapBytes(key: string, old: Uint8Array | null, value: Uint8Array, ttl: i64 = 0): bool {
    keyOut.text(key);
    const start: usize = old === null ? 0 : old.dataStart;
    const length = old === null ? ABSENT : old.length;
    const answer = kv_swap(keyOut.start, keyOut.length, start, length, value.dataStart, value.length, ttl);
    return done(answer, "swap entry", key) && answer == 1;
  }
}

function read(key: string): i32 {
  keyOut.text(key);
  let length = kv_get(keyOut.start, keyOut.length, incoming.out, incoming.cap);
  // Somebody may have written a longer one meanwhile.
  while (incoming.tooShort(length)) length = kv_get(keyOut.start, keyOut.length, incoming.out, incoming.cap);
  found(length, "read entry", key);
  return length;
}

function putOut(key: string, ttl: i64): bool {
  keyOut.text(key);
  return done(kv_put(keyOut.start, keyOut.length, valueOut.start, valueOut.length, ttl), "write entry", key);
}
