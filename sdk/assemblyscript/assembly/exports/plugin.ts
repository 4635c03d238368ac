// What every plugin exports.

import { guest } from "../guest";
// So that the compiler knows it: asconfig.json names it.
import "../abort";

/** Never called: its name says which version of the contract this plugin speaks. */
export function gatewright_abi_1(): void {}

export function gatewright_manifest(): i64 {
  return guest.manifest();
}

export function gatewright_init(): i32 {
  return guest.init();
}
