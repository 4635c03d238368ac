import { guest } from "../guest";

export function gatewright_modify_response(): i32 {
  return guest.modifyResponse();
}
