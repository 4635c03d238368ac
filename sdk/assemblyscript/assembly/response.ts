import { Attributes } from "./attributes";
import { Headers } from "./headers";
import { Message, head_set_status, head_status } from "./host";
import { done } from "./refusal";
import { Request } from "./request";

/**
 * The response as it goes to the client: the upstream's, or the answer of a middleware, with what the plugins before
 * this one changed.
 */
export class Response {
  /** The header fields. */
  readonly headers: Headers = new Headers(Message.Response);
  /** The request as it went to the upstream, to read. */
  readonly request: Request = new Request();
  /** What plugins noted about this exchange. */
  readonly attributes: Attributes = new Attributes();

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
