import { Attributes } from "./attributes";
import { Body } from "./body";
import { Headers } from "./headers";
import { Message, Part } from "./host";
import { change, optional, required } from "./part";
import { BodyStream, streamBody } from "./stream";

/**
 * The request as it goes to the upstream: the client's, with what the gateway and the plugins before this one changed.
 * In the response phase it has been sent and can only be read.
 */
export class Request {
  /** The header fields. */
  readonly headers: Headers = new Headers(Message.Request);
  /** The body, as much of it as the hook asks for: see `BodyMode`. */
  readonly body: Body = new Body(Message.Request);
  /** What plugins noted about this exchange. */
  readonly attributes: Attributes = new Attributes();

  /**
   * Sends the body through `stream` on its way, in a hook that asks for `BodyMode.stream()`. Where this is not called
   * the body goes on untouched.
   */
  stream(stream: BodyStream): void {
    streamBody(Message.Request, stream);
  }

  /** `GET`. */
  get method(): string {
    return required(Part.Method, "method");
  }

  set method(method: string) {
    change(Part.Method, "set method", method);
  }

  /** `/a/b%20c`: escaped as it goes over the wire, without the query. */
  get path(): string {
    return required(Part.Path, "path");
  }

  set path(path: string) {
    change(Part.Path, "set path", path);
  }

  /** `x=1&y=2`, byte for byte and without the `?`; `null` where there is no `?`. */
  get query(): string | null {
    return optional(Part.Query, "query");
  }

  /** Changes the query: escaped, without the `?`; `""` and `null` remove it. */
  set query(query: string | null) {
    change(Part.Query, "set query", query === null ? "" : query);
  }

  /** The `Host` that is sent to the upstream. */
  get host(): string {
    return required(Part.Host, "host");
  }

  set host(host: string) {
    change(Part.Host, "set host", host);
  }

  /** The client's address, without the port. */
  get clientIp(): string {
    return required(Part.ClientIp, "client address");
  }

  /** `http` or `https`: how the client spoke to the gateway. */
  get scheme(): string {
    return required(Part.Scheme, "scheme");
  }

  /** `HTTP/1.1`: the client's protocol. */
  get protocol(): string {
    return required(Part.Protocol, "protocol");
  }

  /** The route that matched: its name, or its path where it has none. */
  get route(): string {
    return required(Part.Route, "route");
  }

  /** The gateway's identifier of this exchange: 32 lower-case hexadecimal digits. */
  get id(): string {
    return required(Part.RequestId, "request id");
  }

  /** The name of the upstream, as far as it is known yet. */
  get upstream(): string | null {
    return optional(Part.Upstream, "upstream");
  }

  /** The URL of the endpoint, as far as it is known yet. */
  get endpoint(): string | null {
    return optional(Part.Endpoint, "endpoint");
  }
}
