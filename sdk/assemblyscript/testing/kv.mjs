import { CODE, refuse } from "./check.mjs";

const ABSENT = 0xffffffff;
const MAX_KEY = 512;
const MAX_VALUE = 64 << 10;
const MIN_SUM = -(2n ** 63n);
const MAX_SUM = 2n ** 63n - 1n;

/**
 * A key-value store, for several exchanges one after the other: see `TestRequest.kv`.
 *
 * Its clock is that of the exchanges, so that what is to end ends without waiting: send a later request `at` another
 * time.
 */
export class Kv {
  /** By key as latin1, which every run of bytes is. */
  #entries = new Map();
  #now = 0n;
  #isFull = false;
  #contended = 0;

  /** The value of an entry as text, or null, as it was when the last exchange called the store. */
  get(key) {
    return this.#entries.get(keyOf(Buffer.from(key)))?.value.toString() ?? null;
  }

  /** Writes an entry that does not end. */
  put(key, value) {
    this.#entries.set(keyOf(Buffer.from(key)), { value: Buffer.from(value), end: null });
    return this;
  }

  /** From now on there is room for no further entry, or there is again. */
  setFull(isFull) {
    this.#isFull = isFull;
    return this;
  }

  /** Somebody else comes before the next `swaps` compare-and-swaps: they fail. */
  contend(swaps) {
    this.#contended = swaps;
    return this;
  }

  /** The calls at this time. For the host. */
  at(now) {
    this.#now = now;
    for (const [key, { end }] of this.#entries) if (end !== null && end <= now) this.#entries.delete(key);
    return {
      get: (key) => this.#value(key) ?? refuse(CODE.notFound),
      put: (key, value, ttl) => this.#write(key, value, this.#end(ttl)),
      remove: (key) => this.#entries.delete(key) || refuse(CODE.notFound),
      add: (key, delta, ttl) => this.#add(key, delta, this.#end(ttl)),
      swap: (key, old, value, ttl) => this.#swap(key, old, value, this.#end(ttl)),
    };
  }

  #add(key, delta, made) {
    const entry = this.#entries.get(key);
    const sum = (entry === undefined ? 0n : counter(entry.value)) + delta;
    if (sum < MIN_SUM || sum > MAX_SUM) refuse(CODE.invalid);
    this.#write(key, Buffer.from(sum.toString()), entry === undefined ? made : entry.end);
    return sum;
  }

  #swap(key, old, value, end) {
    if (value.length > MAX_VALUE) refuse(CODE.invalid);
    if (this.#contended > 0) {
      --this.#contended;
      return 0;
    }
    const there = this.#value(key);
    const same = old === null ? there === undefined : there?.equals(old);
    if (!same) return 0;
    this.#write(key, value, end);
    return 1;
  }

  #value(key) {
    return this.#entries.get(key)?.value;
  }

  #write(key, value, end) {
    if (value.length > MAX_VALUE) refuse(CODE.invalid);
    if (this.#isFull && !this.#entries.has(key)) refuse(CODE.limit);
    this.#entries.set(key, { value, end });
  }

  #end(ttl) {
    if (ttl < 0n) refuse(CODE.invalid);
    return ttl === 0n ? null : this.#now + ttl * 1_000_000n;
  }
}

function keyOf(key) {
  return key.length > 0 && key.length <= MAX_KEY ? key.toString("latin1") : refuse(CODE.invalid);
}

function counter(value) {
  const text = value.toString("latin1");
  return /^[+-]?[0-9]+$/.test(text) ? BigInt(text) : refuse(CODE.invalid);
}

/** The calls; not while a plugin is made. */
export function kvCalls(host, { view, bytes, reply }) {
  const store = () => (host.phase === "outside" ? refuse(CODE.forbidden) : host.exchange.kv.at(host.exchange.wall));
  return {
    get: (key, keyLength, out, cap) => reply(store().get(keyOf(bytes(key, keyLength))), out, cap),
    put(key, keyLength, value, valueLength, ttl) {
      store().put(keyOf(bytes(key, keyLength)), bytes(value, valueLength), ttl);
    },
    delete(key, keyLength) {
      store().remove(keyOf(bytes(key, keyLength)));
    },
    add(key, keyLength, delta, ttl, out) {
      const room = view(out, 8);
      const sum = store().add(keyOf(bytes(key, keyLength)), delta, ttl);
      Buffer.from(room.buffer, room.byteOffset, 8).writeBigInt64LE(sum);
    },
    swap(key, keyLength, old, oldLength, value, valueLength, ttl) {
      const expected = oldLength >>> 0 === ABSENT ? null : bytes(old, oldLength);
      return store().swap(keyOf(bytes(key, keyLength)), expected, bytes(value, valueLength), ttl);
    },
  };
}
