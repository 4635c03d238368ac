import { guest } from "../guest";

export function gatewright_on_body(): i32 {
  return guest.onBody();
}
