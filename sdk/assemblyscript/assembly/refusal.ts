// What becomes of a call that the gateway refused.
//
// AssemblyScript has no exceptions, and a refusal that nobody looks at must not pass for success. So the first one is
// kept, and fails the hook that is running, unless the plugin takes it with `takeError`.

/** Why the gateway refused a call. */
export const enum Code {
  /** Nothing was refused. */
  None = 0,
  /** There is no such header, attribute, part or entry. */
  NotFound = -1,
  /** Not a valid name, value, status, level or number. */
  Invalid = -2,
  /** Not in this phase, not by this role, or a field that only the gateway sets. */
  Forbidden = -3,
  /** Over a limit of the gateway: too many fields, or too many bytes. */
  Limit = -4,
  /** It has been done already: a second answer. */
  Already = -5,
  /** It took too long. */
  Timeout = -6,
  /** No endpoint could be reached, or it broke the connection. */
  Unreachable = -7,
  /** The gateway has called itself too often on behalf of one request. */
  Loop = -8,
}

/** A call that the gateway refused. */
export class Refusal {
  constructor(
    /** Why. */
    readonly code: Code,
    /** What was tried. */
    readonly what: string,
    private why: string,
  ) {}

  toString(): string {
    return this.what + ": " + this.why;
  }
}

let first: Refusal | null = null;

/** The first refusal of this hook that nobody has taken yet; the hook fails with it. */
export function lastError(): Refusal | null {
  return first;
}

/** Takes that refusal: the plugin has dealt with it, and the hook does not fail. `null` where there was none. */
export function takeError(): Refusal | null {
  const taken = first;
  first = null;
  return taken;
}

/** Whether `answer` is no refusal; keeps it where it is one. */
// @ts-ignore: decorator
@inline
export function done(answer: i32, what: string, subject: string): bool {
  return answer >= 0 || refused(answer, what, subject);
}

/** Like `done`, where `NotFound` is `false` but no refusal. */
// @ts-ignore: decorator
@inline
export function found(answer: i32, what: string, subject: string): bool {
  return answer >= 0 || (answer != Code.NotFound && refused(answer, what, subject));
}

/** Keeps a refusal that the SDK itself found out about. Always `false`. */
export function refused(code: i32, what: string, subject: string): bool {
  return refusedWith(code, what, subject, reason(known(code)));
}

/** Like `refused`, with a reason of its own. */
export function refusedWith(code: i32, what: string, subject: string, why: string): bool {
  if (first === null) first = new Refusal(known(code), what + " `" + subject + "`", why);
  return false;
}

/** The code with this number; one of a later gateway is `Invalid`. */
export function known(code: i32): Code {
  return code < 0 && code >= Code.Loop ? <Code>code : Code.Invalid;
}

function reason(code: Code): string {
  switch (code) {
    case Code.NotFound:
      return "not found";
    case Code.Forbidden:
      return "not allowed here";
    case Code.Limit:
      return "over a limit of the gateway";
    case Code.Already:
      return "done already";
    case Code.Timeout:
      return "took too long";
    case Code.Unreachable:
      return "cannot be reached";
    case Code.Loop:
      return "the gateway called itself too often";
    default:
      return "not a valid name, value or number";
  }
}
