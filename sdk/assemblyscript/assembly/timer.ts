// Only who ticks imports the timer: what this file calls is set by `exports/tick`.

import { done } from "./refusal";

let timer: ((periodMs: i64) => i32) | null = null;

/** Says what starts the timer. */
export function useTimer(every: (periodMs: i64) => i32): void {
  timer = every;
}

/** Asks the gateway for a tick in each period of so many milliseconds; `false` where nothing can. */
export function startTimer(periodMs: i64): bool {
  const every = timer;
  if (every === null) return false;
  done(every(periodMs), "tick every", periodMs.toString() + " ms");
  return true;
}
