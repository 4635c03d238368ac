import { parsed } from "./body";
import { decode, encode, incoming, name as nameOut } from "./bytes";
import { http_all, http_close, http_get, http_read, http_size, http_start, http_status, http_wait } from "./host";
import { Json } from "./json";
import { Field, Packed, unpack } from "./packed";
import { Code, done, found, known, refused } from "./refusal";

/**
 * Requests to upstreams of the gateway's configuration.
 *
 * Each upstream must be granted: `allow = ["http:auth"]`. Requests go through its balancer and its health checks, as
 * those of clients do. Hooks and ticks may send them; while a plugin is made they are refused.
 *
 * The plugin waits, the gateway's worker does not: it serves others meanwhile. Several requests at once are `sendAll`.
 */
export namespace http {
  /** A `GET` request for `target`, path and query, to an upstream. */
  export function get(upstream: string, target: string): HttpRequest {
    return new HttpRequest("GET", upstream, target);
  }

  /** A `HEAD` request. */
  export function head(upstream: string, target: string): HttpRequest {
    return new HttpRequest("HEAD", upstream, target);
  }

  /** A `POST` request. */
  export function post(upstream: string, target: string): HttpRequest {
    return new HttpRequest("POST", upstream, target);
  }

  /** A `PUT` request. */
  export function put(upstream: string, target: string): HttpRequest {
    return new HttpRequest("PUT", upstream, target);
  }

  /** A request of any method. */
  export function request(method: string, upstream: string, target: string): HttpRequest {
    return new HttpRequest(method, upstream, target);
  }

  /** Sends all requests at once, waits until the last has ended, and gives the outcome of each, in their order. */
  export function sendAll(requests: HttpRequest[]): HttpResponse[] {
    const handles: i32[] = [];
    for (let i = 0; i < requests.length; ++i) handles.push(requests[i].start());
    const waited = http_wait();
    const responses: HttpResponse[] = [];
    for (let i = 0; i < handles.length; ++i) {
      const handle = waited < 0 && handles[i] >= 0 ? waited : handles[i];
      responses.push(ended(handle, requests[i].upstream));
    }
    return responses;
  }
}

/** A request to an upstream, before it is sent. What is wrong with it, such as a header that is none, is told then. */
export class HttpRequest {
  private fields: Packed = new Packed();
  private content: Uint8Array = new Uint8Array(0);
  private timeoutMs: u32 = 0;

  constructor(
    private method: string,
    readonly upstream: string,
    private target: string,
  ) {}

  /** Adds a header field. */
  header(name: string, value: string): HttpRequest {
    return this.headerBytes(name, encode(value));
  }

  /** Adds a header field, its value as bytes. */
  headerBytes(name: string, value: Uint8Array): HttpRequest {
    this.fields.add(name, value);
    return this;
  }

  /** Sets the body. */
  body(text: string): HttpRequest {
    return this.bodyBytes(encode(text));
  }

  /** Sets the body, as bytes. */
  bodyBytes(bytes: Uint8Array): HttpRequest {
    this.content = bytes;
    return this;
  }

  /** Sets the body to JSON, and `content-type`: `json` is the text of it. `Json.quote` writes a string. */
  json(json: string): HttpRequest {
    return this.header("content-type", "application/json").body(json);
  }

  /** How long it may take until the response is there whole; otherwise as long as the upstream's configuration says. */
  timeout(milliseconds: u32): HttpRequest {
    // To the gateway 0 is the upstream's own.
    this.timeoutMs = max(milliseconds, 1);
    return this;
  }

  /** Sends it and waits for the response. A response with any status is one. */
  send(): HttpResponse {
    const handle = this.start();
    if (handle < 0) return ended(handle, this.upstream);
    const waited = http_wait();
    return ended(waited < 0 ? waited : handle, this.upstream);
  }

  /** Hands it to the gateway; its handle, or a code. For `http.sendAll`. */
  start(): i32 {
    const upstream = encode(this.upstream);
    const method = encode(this.method);
    const target = encode(this.target);
    return http_start(
      upstream.dataStart,
      upstream.length,
      method.dataStart,
      method.length,
      target.dataStart,
      target.length,
      this.fields.start,
      this.fields.length,
      this.content.dataStart,
      this.content.length,
      this.timeoutMs,
    );
  }
}

/**
 * An upstream's response to a request of this plugin, or that there is none: `failed`. The gateway keeps it until it is
 * closed, or the hook ends.
 *
 * That there is none is a refusal: it fails the hook, unless the plugin takes it with `takeError`.
 */
export class HttpResponse {
  constructor(
    private handle: i32,
    private upstream: string,
    /** The status; 0 where there is no response. */
    readonly status: i32,
    /**
     * Why there is no response: `Timeout`, `Unreachable`, `Limit` (it was too large), `Loop` (the gateway called itself
     * too often), or that the request itself was refused. `None` where there is one.
     */
    readonly code: Code,
  ) {}

  /** Whether there is no response. */
  get failed(): bool {
    return this.code != Code.None;
  }

  /** Whether the status is one of 200 to 299. */
  get ok(): bool {
    return this.status >= 200 && this.status <= 299;
  }

  /** The first value of a header, or `null`. */
  header(name: string): string | null {
    const length = this.read(name);
    return length < 0 ? null : incoming.text(length);
  }

  /** The first value of a header, or `null`. */
  headerBytes(name: string): Uint8Array | null {
    const length = this.read(name);
    return length < 0 ? null : incoming.bytes(length);
  }

  /** All header fields at once, with one call to the gateway. */
  headers(): Field[] {
    if (this.failed) return [];
    let length = http_all(this.handle, incoming.out, incoming.cap);
    while (incoming.tooShort(length)) length = http_all(this.handle, incoming.out, incoming.cap);
    if (!done(length, "read headers from upstream", this.upstream)) return [];
    return unpack(incoming.bytes(length), "read headers from upstream", this.upstream);
  }

  /** The body. */
  bytes(): Uint8Array {
    if (this.failed) return new Uint8Array(0);
    const size = http_size(this.handle);
    if (!done(size, "read body from upstream", this.upstream)) return new Uint8Array(0);
    const bytes = new Uint8Array(size);
    if (size > 0) done(http_read(this.handle, 0, bytes.dataStart, size), "read body from upstream", this.upstream);
    return bytes;
  }

  /** The body as text; what is not UTF-8 in it becomes U+FFFD. */
  text(): string {
    const bytes = this.bytes();
    return decode(bytes.dataStart, bytes.length);
  }

  /** The body, read as JSON; `null` (a refusal) where it is none. */
  json(): Json | null {
    if (this.failed) return null;
    return parsed(this.text(), "read body from upstream", this.upstream);
  }

  /** Has the gateway forget it before the hook ends: for hooks with many requests. */
  close(): void {
    if (!this.failed) http_close(this.handle);
  }

  private read(name: string): i32 {
    if (this.failed) return Code.NotFound;
    nameOut.text(name);
    let length = http_get(this.handle, nameOut.start, nameOut.length, 0, incoming.out, incoming.cap);
    while (incoming.tooShort(length)) {
      length = http_get(this.handle, nameOut.start, nameOut.length, 0, incoming.out, incoming.cap);
    }
    found(length, "read header from upstream", name);
    return length;
  }
}

/** What became of a request that was waited for: of its handle, or of the code that it got instead. */
function ended(handle: i32, upstream: string): HttpResponse {
  const status = handle < 0 ? handle : http_status(handle);
  if (status >= 0) return new HttpResponse(handle, upstream, status, Code.None);
  refused(status, "request to upstream", upstream);
  return new HttpResponse(handle, upstream, 0, known(status));
}
