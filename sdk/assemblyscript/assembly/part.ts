import { incoming, value as valueOut } from "./bytes";
import { Part, head_part, head_set_part } from "./host";
import { Code, done, found, refused } from "./refusal";

/** A part that every exchange has. */
export function required(part: Part, what: string): string {
  const value = optional(part, what);
  if (value === null) {
    refused(Code.NotFound, "read", what);
    return "";
  }
  return value;
}

/** A part that an exchange may lack. */
export function optional(part: Part, what: string): string | null {
  let length = head_part(part, incoming.out, incoming.cap);
  while (incoming.tooShort(length)) length = head_part(part, incoming.out, incoming.cap);
  return found(length, "read", what) ? incoming.text(length) : null;
}

/** Changes a part to a text. */
export function change(part: Part, what: string, value: string): bool {
  valueOut.text(value);
  return done(head_set_part(part, valueOut.start, valueOut.length), what, value);
}

/** Changes a part to bytes. */
export function changeBytes(part: Part, what: string, value: Uint8Array): bool {
  valueOut.bytes(value);
  return done(head_set_part(part, valueOut.start, valueOut.length), what, "…");
}
