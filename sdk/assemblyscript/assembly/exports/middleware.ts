import { guest } from "../guest";

export function gatewright_on_request(): i32 {
  return guest.onRequest();
}

export function gatewright_on_response(): i32 {
  return guest.onResponse();
}
