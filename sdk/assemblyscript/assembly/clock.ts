import { clock_monotonic, clock_wall } from "./host";

/** The gateway's clocks, in nanoseconds. (`Date.now` would import what the gateway does not offer.) */
export namespace clock {
  /** The time of day, since the Unix epoch. */
  export function now(): i64 {
    return clock_wall();
  }

  /** Since some fixed moment of the gateway's life; never goes back, and is the same clock in every instance. */
  export function monotonic(): i64 {
    return clock_monotonic();
  }
}
