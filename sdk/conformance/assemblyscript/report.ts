import { Answer, Code, Outcome, takeError } from "../../assemblyscript/assembly";

/** What the gateway said to a call: `ok`, `no`, or its code. */
export function tried(done: bool): string {
  const refusal = takeError();
  if (refusal === null) return done ? "ok" : "no";
  switch (refusal.code) {
    case Code.NotFound:
      return "not_found";
    case Code.Forbidden:
      return "forbidden";
    case Code.Limit:
      return "limit";
    case Code.Already:
      return "already";
    case Code.Timeout:
      return "timeout";
    case Code.Unreachable:
      return "unreachable";
    case Code.Loop:
      return "loop";
    default:
      return "invalid";
  }
}

/** A text, or `none`. */
export function shown(text: string | null): string {
  return text === null ? "none" : text;
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; ++i) text += (bytes[i] < 16 ? "0" : "") + bytes[i].toString(16);
  return text;
}

/** Answers with what was found out. */
export function say(report: string[]): Outcome {
  return Outcome.answer(Answer.text(200, report.join(" ")));
}

/** Bytes that are no UTF-8, and no control characters either. */
export function notUtf8(): Uint8Array {
  const bytes = new Uint8Array(3);
  bytes[0] = 0xff;
  bytes[1] = 0xc3;
  bytes[2] = 0xe9;
  return bytes;
}
