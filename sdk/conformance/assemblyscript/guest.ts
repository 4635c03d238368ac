// The conformance guest in AssemblyScript: does what the request's `x-case` names. `../cases.toml` says what must come
// of it; `../rust` does the same.

import {
  Answer,
  BodyMode,
  Config,
  Direction,
  Director,
  Hook,
  Middleware,
  ModifyResponse,
  Outcome,
  Request,
  Response,
  Tick,
  http,
  kv,
  plugin,
} from "../../assemblyscript/assembly";
import { bodies, peeked, replaced, streamed } from "./bodies";
import { entries } from "./entries";
import { answered, attributes, clocks, failing, heads, logged, parts } from "./exchange";
import { hex, tried } from "./report";
import { Ticker, counted, drawn, requests } from "./services";

export * from "../../assemblyscript/assembly/exports/plugin";
export * from "../../assemblyscript/assembly/exports/body";
export * from "../../assemblyscript/assembly/exports/director";
export * from "../../assemblyscript/assembly/exports/middleware";
export * from "../../assemblyscript/assembly/exports/modify-response";
export * from "../../assemblyscript/assembly/exports/tick";

class Conformance extends Middleware {
  constructor(private word: string) {
    super();
  }

  onRequest(request: Request): Outcome {
    const name = request.headers.get("x-case");
    if (name === null) return Outcome.ok();
    if (name == "config") return Outcome.answer(Answer.text(200, this.word));
    if (name.startsWith("head")) return heads(name, request);
    if (name.startsWith("part")) return parts(name, request);
    if (name.startsWith("attribute")) return attributes(name, request);
    if (name.startsWith("log")) return logged(name);
    if (name.startsWith("clock")) return clocks();
    if (name.startsWith("answer")) return answered(name);
    if (name.startsWith("fail")) return failing(name);
    if (name.startsWith("kv")) return entries(name);
    if (name.startsWith("http")) return requests(name);
    if (name.startsWith("metrics")) return counted(name);
    if (name.startsWith("random")) return drawn();
    if (name.startsWith("body")) return bodies(name, request);
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    const name = response.request.headers.get("x-case");
    if (name === null) return Outcome.ok();
    if (name == "attribute-later") {
      const later = response.attributes.getBytes("conformance-later");
      response.headers.set("x-later", later === null ? "none" : hex(later));
    } else if (name == "response") {
      const request = response.request;
      response.headers.set("x-saw", [request.method, request.path, response.status.toString()].join(" "));
      const report: string[] = [
        tried(request.headers.set("x-a", "b")),
        tried(response.headers.set("content-length", "1")),
        tried(response.headers.set("x-a", "a\r\nb")),
        tried(response.headers.remove("x-gone")),
        tried(response.headers.remove("x-gone")),
      ];
      response.headers.set("x-report", report.join(" "));
    } else if (name == "response-fail") {
      return Outcome.fail("no such response");
    } else if (name.startsWith("stream")) {
      streamed(name, response);
    }
    return Outcome.ok();
  }
}

class Chooser extends Director {
  direct(request: Request, direction: Direction): Outcome {
    const name = request.headers.get("x-case");
    if (name === null) return Outcome.ok();
    if (name == "direct") {
      direction.setUpstream("next");
      direction.setHashKeyBytes(Uint8Array.wrap(new ArrayBuffer(2)));
      direction.setTimeout(2500);
      request.headers.set("x-directed", "yes");
    } else if (name == "direct-peek") {
      peeked(request);
    } else if (name == "direct-endpoint") {
      const endpoint = request.headers.get("x-endpoint");
      if (endpoint !== null) direction.setEndpoint(endpoint);
    } else if (name == "direct-answer") {
      return Outcome.answer(Answer.text(404, "nowhere"));
    } else if (name == "direct-bad") {
      const report: string[] = [
        tried(direction.setUpstream("")),
        tried(direction.setEndpoint("")),
        tried(direction.setTimeout(0)),
      ];
      request.headers.set("x-report", report.join(" "));
    } else if (name == "direct-nowhere") {
      direction.setUpstream("nowhere");
    }
    return Outcome.ok();
  }
}

class Changer extends ModifyResponse {
  modifyResponse(response: Response): Outcome {
    const name = response.request.headers.get("x-case");
    if (name === null) return Outcome.ok();
    if (name == "modify") {
      response.status = 503;
      response.headers.set("x-modified", "yes");
    } else if (name == "modify-bad") {
      const report: string[] = [];
      response.status = 99;
      report.push(tried(true));
      response.status = 600;
      report.push(tried(true));
      response.status = 204;
      report.push(tried(true));
      response.headers.set("x-report", report.join(" "));
    } else if (name == "response-body" || name == "response-limit") {
      replaced(name, response);
    } else if (name == "modify-fail") {
      return Outcome.fail("no such response");
    }
    return Outcome.ok();
  }
}

plugin("conformance", "1.0.0")
  .schema('{"type":"object","properties":{"word":{"type":"string"},"early":{"type":"string"},"period":{"type":"integer"}},"additionalProperties":false}')
  .middleware((config: Config): Middleware => {
    const early = config.stringOr("early", "");
    if (early == "kv") kv.get("early");
    if (early == "http") http.get("auth", "/").send();
    if (early == "refuse") config.wrong("early", "is too early");
    return new Conformance(config.stringOr("word", ""));
  })
  .director((config: Config): Director => new Chooser())
  .modifyResponse((config: Config): ModifyResponse => new Changer())
  .tick((config: Config): Tick => new Ticker(config.integerOr("period", 3600000)))
  .body(Hook.OnRequest, BodyMode.buffer())
  .body(Hook.Direct, BodyMode.peek(4))
  .body(Hook.OnResponse, BodyMode.stream().decoded())
  .body(Hook.ModifyResponse, BodyMode.buffer());
