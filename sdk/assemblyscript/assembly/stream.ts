import { Body } from "./body";
import { value as valueOut } from "./bytes";
import { Message, body_write } from "./host";
import { Outcome } from "./outcome";
import { done } from "./refusal";

/**
 * Changes a body while it passes: what a hook that asks for `BodyMode.stream()` gives to `Request.stream` or
 * `Response.stream`.
 *
 * Make one for each body: it lives as long as that, so its fields may keep what straddles two pieces. Pieces are as
 * they come from the network, and no border means anything. What is not written to `out` is gone.
 */
export abstract class BodyStream {
  /** The next piece; never empty. */
  abstract piece(piece: Uint8Array, out: Sink): Outcome;

  /** The body has ended. Not called after `Sink.passRest`. */
  end(out: Sink): Outcome {
    return Outcome.ok();
  }
}

/** Where a `BodyStream` writes what goes on. */
export class Sink {
  restPasses: bool = false;

  /** Sends this on. For one piece, up to the plugin's `limits.body`. */
  write(text: string): bool {
    valueOut.text(text);
    return done(body_write(valueOut.start, valueOut.length), "write to", "body");
  }

  /** Sends these bytes on. */
  writeBytes(bytes: Uint8Array): bool {
    return done(body_write(bytes.dataStart, bytes.length), "write to", "body");
  }

  /** There is nothing more to do: what comes after this piece goes on untouched. Of this piece only what is written. */
  passRest(): void {
    this.restPasses = true;
  }
}

/** A body on its way through a stream. */
class Streaming {
  readonly body: Body;
  readonly out: Sink = new Sink();

  constructor(
    message: Message,
    readonly stream: BodyStream,
  ) {
    this.body = new Body(message);
  }
}

/** What the running hook gives its body to. */
let chosen: Streaming | null = null;
/** The one that is on its way: while it is, the instance serves nobody else. */
let running: Streaming | null = null;

/** The running hook gives its body to `stream`. */
export function streamBody(message: Message, stream: BodyStream): void {
  chosen = new Streaming(message, stream);
}

/** What the hook that has ended gave its body to. */
export function takeStream(): Streaming | null {
  const taken = chosen;
  chosen = null;
  return taken;
}

/** From now on `advance` means this one. */
export function begin(streaming: Streaming): void {
  running = streaming;
}

/** Sends the piece at hand through, with the end of the body where this is it; `null` where the rest passes. */
export function advance(): Outcome | null {
  const streaming = running;
  if (streaming === null) return Outcome.fail("called with a piece of a body that is not streamed");
  const isLast = streaming.body.isWhole;
  const piece = streaming.body.bytes();
  if (isLast) running = null;
  if (piece.length > 0) {
    const outcome = streaming.stream.piece(piece, streaming.out);
    if (outcome !== Outcome.ok()) return outcome;
  }
  if (streaming.out.restPasses) {
    running = null;
    return null;
  }
  return isLast ? streaming.stream.end(streaming.out) : Outcome.ok();
}
