import { Body, BodyStream, Code, Outcome, Request, Response, Sink } from "../../assemblyscript/assembly";
import { head_answer } from "../../assemblyscript/assembly/host";
import { hex, say, tried } from "./report";

/** The request's body, which `onRequest` has whole. */
export function bodies(name: string, request: Request): Outcome {
  const body = request.body;
  if (name == "body-read") return say(seen(body));
  if (name == "body-bytes") return say([hex(body.bytes())]);
  if (name == "body-json") {
    const json = body.json();
    return say([json === null ? tried(false) : json.get("a")!.string]);
  }
  if (name == "body-replace") {
    body.replace(body.text().toUpperCase() + "!");
    request.headers.set("x-report", seen(body).join(" "));
  } else if (name == "body-limit") {
    request.headers.set("x-report", tried(body.replaceBytes(new Uint8Array(64 * 1024 + 1))));
  }
  return Outcome.ok();
}

/** What is seen of the request's body by `direct`, which may only peek. */
export function peeked(request: Request): void {
  const report = seen(request.body);
  report.push(tried(request.body.replace("x")));
  request.headers.set("x-report", report.join(" "));
}

/** The response's body, which `modifyResponse` has whole. */
export function replaced(name: string, response: Response): void {
  const body = response.body;
  if (name == "response-limit") {
    response.headers.set("x-report", tried(body.replaceBytes(new Uint8Array(64 * 1024 + 1))));
    return;
  }
  body.replace(body.text().toUpperCase() + "!");
  response.headers.set("x-report", seen(body).join(" "));
}

/** The response's body passes `onResponse` piece by piece. */
export function streamed(name: string, response: Response): void {
  response.headers.set("x-report", tried(response.body.isWhole));
  response.stream(new Brackets(name, response));
}

function seen(body: Body): string[] {
  return [body.size.toString(), body.isWhole ? "whole" : "begun", body.text()];
}

class Brackets extends BodyStream {
  private open: bool = false;

  constructor(
    private name: string,
    /** What is at hand no more once the body is on its way. */
    private response: Response,
  ) {
    super();
  }

  piece(piece: Uint8Array, out: Sink): Outcome {
    if (this.name == "stream-fail") return Outcome.fail("no such body");
    if (!this.open) out.write("<");
    this.open = true;
    out.writeBytes(piece);
    if (this.name == "stream-pass") out.passRest();
    if (this.name == "stream-limit") out.write(tried(out.writeBytes(new Uint8Array(64 * 1024))));
    return Outcome.ok();
  }

  end(out: Sink): Outcome {
    out.write(">");
    if (this.name == "stream-late") {
      const said: string[] = [
        tried(this.response.headers.set("x-late", "1")),
        tried(this.response.body.replace("late")),
        // An answer of a stream fails it, so the call is made as the SDK makes it.
        head_answer(200, 0, 0, 0, 0) == Code.Forbidden ? "forbidden" : "answered",
      ];
      out.write(said.join(" "));
    }
    return Outcome.ok();
  }
}
