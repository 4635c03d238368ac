import { CODE, refuse } from "./check.mjs";

const MAX_FILL = 64 << 10;
const [STEP, FIRST, SECOND] = [0x9e3779b97f4a7c15n, 0xbf58476d1ce4e5b9n, 0x94d049bb133111ebn];

/** The calls. Those of SplitMix64: always the same for a plugin that was loaded, and never alike. */
export function randomCalls({ view }) {
  let state = 0n;
  const next = () => {
    state = BigInt.asUintN(64, state + STEP);
    let mixed = BigInt.asUintN(64, (state ^ (state >> 30n)) * FIRST);
    mixed = BigInt.asUintN(64, (mixed ^ (mixed >> 27n)) * SECOND);
    return mixed ^ (mixed >> 31n);
  };
  return {
    fill(out, length) {
      const room = view(out, length);
      if (room.length > MAX_FILL) refuse(CODE.limit);
      const number = Buffer.alloc(8);
      for (let at = 0; at < room.length; at += 8) {
        number.writeBigUInt64LE(next());
        room.set(number.subarray(0, room.length - at), at);
      }
    },
  };
}
