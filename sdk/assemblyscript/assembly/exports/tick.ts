import { guest } from "../guest";
import { timer_every } from "../host";
import { useTimer } from "../timer";

useTimer((periodMs: i64): i32 => timer_every(periodMs));

export function gatewright_on_tick(): i32 {
  return guest.onTick();
}
