// Does with bodies what the request's `x-do` asks for: for the tests of this SDK.

import {
  Answer,
  Body,
  BodyMode,
  BodyStream,
  Code,
  Director,
  Direction,
  Hook,
  Middleware,
  ModifyResponse,
  Outcome,
  Request,
  Response,
  Sink,
  plugin,
  takeError,
} from "../assembly";

export * from "../assembly/exports/plugin";
export * from "../assembly/exports/body";
export * from "../assembly/exports/director";
export * from "../assembly/exports/middleware";
export * from "../assembly/exports/modify-response";

/** Buffers the request, streams the response. */
class Bodies extends Middleware {
  onRequest(request: Request): Outcome {
    const body = request.body;
    const what = request.headers.get("x-do");
    if (what === null) return Outcome.ok();
    if (what == "seen") {
      request.headers.set("x-seen", seen(body));
    } else if (what == "upper") {
      body.replace(body.text().toUpperCase());
      request.headers.set("x-seen", seen(body));
    } else if (what == "bytes") {
      const bytes = body.bytes();
      bytes.reverse();
      body.replaceBytes(bytes);
    } else if (what == "json") {
      const json = body.json();
      if (json === null) return Outcome.answer(Answer.text(400, takeError()!.toString()));
      request.headers.set("x-name", json.get("name")!.string);
    } else if (what == "too-much") {
      const isReplaced = body.replaceBytes(new Uint8Array((1 << 20) + 1));
      const refusal = takeError()!;
      request.headers.set("x-limit", !isReplaced && refusal.code == Code.Limit ? "yes" : "no");
    } else if (what == "stream") {
      request.stream(new Lines());
    }
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    const what = response.request.headers.get("x-response");
    if (what === null) return Outcome.ok();
    if (what == "read") response.body.text();
    else if (what == "lines") response.stream(new Lines());
    else if (what == "first") response.stream(new First());
    else response.stream(new Bad(what));
    return Outcome.ok();
  }
}

/** Peeks. */
class Peeker extends Director {
  direct(request: Request, direction: Direction): Outcome {
    const what = request.headers.get("x-direct");
    if (what === null) return Outcome.ok();
    request.headers.set("x-peek", seen(request.body));
    if (what == "replace") request.body.replace("");
    return Outcome.ok();
  }
}

/** Asks for nothing. */
class Blind extends ModifyResponse {
  modifyResponse(response: Response): Outcome {
    if (!response.request.headers.has("x-blind")) return Outcome.ok();
    response.body.bytes();
    return Outcome.ok();
  }
}

function seen(body: Body): string {
  return body.size.toString() + " " + (body.isWhole ? "whole" : "begun") + " " + body.text();
}

/** Numbers the lines, each when it has come whole. */
class Lines extends BodyStream {
  private begun: string = "";
  private count: i32 = 0;

  piece(piece: Uint8Array, out: Sink): Outcome {
    this.begun += String.UTF8.decodeUnsafe(piece.dataStart, piece.length);
    for (let end = this.begun.indexOf("\n"); end >= 0; end = this.begun.indexOf("\n")) {
      out.write((++this.count).toString() + " " + this.begun.substring(0, end + 1));
      this.begun = this.begun.substring(end + 1);
    }
    return Outcome.ok();
  }

  end(out: Sink): Outcome {
    out.write((++this.count).toString() + " " + this.begun + ".");
    return Outcome.ok();
  }
}

/** Changes the first piece only. */
class First extends BodyStream {
  piece(piece: Uint8Array, out: Sink): Outcome {
    out.write("<");
    out.writeBytes(piece);
    out.write(">");
    out.passRest();
    return Outcome.ok();
  }
}

/** Does what it may not. */
class Bad extends BodyStream {
  constructor(private what: string) {
    super();
  }

  piece(piece: Uint8Array, out: Sink): Outcome {
    if (this.what == "fail") return Outcome.fail("no such body");
    if (this.what == "answer") return Outcome.answer(Answer.text(200, "late"));
    if (this.what == "too-much") out.writeBytes(new Uint8Array((1 << 20) + 1));
    if (this.what == "trap") unreachable();
    return Outcome.ok();
  }
}

plugin("bodies", "1.0.0")
  .middleware((config) => new Bodies())
  .director((config) => new Peeker())
  .modifyResponse((config) => new Blind())
  .body(Hook.OnRequest, BodyMode.buffer())
  .body(Hook.Direct, BodyMode.peek(4).decoded())
  .body(Hook.OnResponse, BodyMode.stream().recoded());
