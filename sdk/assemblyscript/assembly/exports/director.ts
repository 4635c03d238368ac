import { guest } from "../guest";

export function gatewright_direct(): i32 {
  return guest.direct();
}
