import { Attributes } from "./attributes";
import { Body } from "./body";
import { Headers } from "./headers";
import { Message, head_set_status, head_status } from "./host";
import { done } from "./refusal";
import { Request } from "./request";
import { BodyStream, streamBody } from "./stream";

/**
 * The response as it goes to the client: the upstream's, or the answer of a middleware, with what the plugins before
 * this one changed.
 */
export class Response {
  /** The header fields. */
  readonly headers: Headers = new Headers(Message.Response);
  /** The body, as much of it as the hook asks for: see `BodyMode`. */
  readonly body: Body = new Body(Message.Response);
  /** The request as it went to the upstream, to read. */
  readonly request: Request = new Request();
  /** What plugins noted about this exchange. */
  readonly attributes: Attributes = new Attributes();

  /**
   * Sends the body through `stream` on its way, in a hook that asks for `BodyMode.stream()`. Where this is not called
   * the body goes on untouched.
   */
  stream(stream: BodyStream): void {
    streamBody(Message.Response, stream);
  }

  /** The status. */
  get status(): i32 {
    const status = head_status();
    return done(status, "read", "status") ? status : 0;
  }

  /** Changes the status, to one of 200 to 599. */
  set status(status: i32) {
    done(head_set_status(status), "set status", status.toString());
  }
}
