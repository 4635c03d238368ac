// Does with an exchange what the request's `x-do` asks for: for the tests of this SDK.

import {
  Answer,
  Config,
  Direction,
  Director,
  Json,
  Level,
  Middleware,
  ModifyResponse,
  Outcome,
  Request,
  Response,
  clock,
  lastError,
  log,
  plugin,
  takeError,
} from "../assembly";

export * from "../assembly/exports/plugin";
export * from "../assembly/exports/director";
export * from "../assembly/exports/middleware";
export * from "../assembly/exports/modify-response";

class Doer extends Middleware {
  onRequest(request: Request): Outcome {
    const what = request.headers.get("x-do");
    if (what === null) return Outcome.ok();
    const headers = request.headers;
    if (what == "headers") {
      headers.set("x-set", headers.getAll("x-many").join("|"));
      headers.add("x-many", "é😀");
      headers.set("x-removed", headers.remove("x-gone") ? "yes" : "no");
      headers.set("x-removed-again", headers.remove("x-gone") ? "yes" : "no");
      headers.set("x-has", (headers.has("x-many") ? "yes" : "no") + (headers.has("x-none") ? "yes" : "no"));
      headers.set("x-text", headers.get("x-bytes")!);
      headers.setBytes("x-copy", headers.getBytes("x-bytes")!);
      headers.addBytes("x-copy", headers.getAllBytes("x-bytes")[0]);
      headers.set("x-null", headers.getBytes("x-none") === null ? "yes" : "no");
      const all = headers.all();
      for (let i = 0; i < all.length; ++i) {
        if (all[i].name == "x-many") request.attributes.set("all-" + i.toString(), all[i].value);
      }
    } else if (what == "long") {
      headers.set("x-long", headers.get("x-in")! + "!");
      headers.set("x-short", "s");
      headers.set("x-short-in", headers.get("x-small")!);
    } else if (what == "parts") {
      const query = request.query;
      const parts: string[] = [request.method, request.path, query === null ? "none" : query, request.host];
      headers.set("x-parts", parts.join(" "));
      headers.set("x-facts", [request.clientIp, request.scheme, request.protocol, request.route, request.id].join(" "));
      headers.set("x-upstream", request.upstream === null ? "none" : "some");
      request.method = "PUT";
      request.path = "/b";
      request.query = "y=2";
      request.host = "other.test";
    } else if (what == "no-query") {
      request.query = null;
    } else if (what == "attributes") {
      const attributes = request.attributes;
      attributes.set("text", attributes.get("given")! + "é");
      attributes.setNumber("whole", 1234567890123);
      attributes.setNumber("half", 0.5);
      attributes.setNumber("sum", attributes.getNumber("whole") + 1);
      attributes.set("none", isNaN(attributes.getNumber("never")) ? "NaN" : "?");
      attributes.setBytes("bytes", attributes.getBytes("given")!);
      attributes.setBool("yes", true);
      attributes.setBool("both", attributes.getBool("yes") && !attributes.getBool("never"));
      attributes.set("json", '{"a":[1]}');
      attributes.set("from-json", attributes.getJson("json")!.get("a")!.kindName);
      attributes.set("removed", attributes.remove("gone") ? "yes" : "no");
    } else if (what == "not-a-number") {
      request.attributes.getNumber("given");
    } else if (what == "not-a-bool") {
      request.attributes.getBool("given");
    } else if (what == "not-json") {
      request.attributes.getJson("given");
    } else if (what == "refused") {
      headers.set("te", "x");
      headers.set("x y", "x");
    } else if (what == "refused-and-taken") {
      const done = headers.set("te", "x");
      const error = lastError();
      takeError();
      request.attributes.set("refusal", done || error === null ? "?" : error.toString());
    } else if (what == "refused-and-answered") {
      headers.set("te", "x");
      return Outcome.answer(Answer.text(200, "open"));
    } else if (what == "log") {
      log.error("e");
      log.info("i");
      log.debug("d");
      request.attributes.set("enabled", log.enabled(Level.Debug) ? "yes" : "no");
    } else if (what == "answer") {
      return Outcome.answer(Answer.json(418, '{"error":' + Json.quote('a "b"\\\n é') + "}").header("x-a", "1"));
    } else if (what == "redirect") {
      return Outcome.answer(Answer.redirect(308, "/new"));
    } else if (what == "html") {
      return Outcome.answer(Answer.html(200, "<p>é</p>"));
    } else if (what == "bad-answer") {
      return Outcome.answer(new Answer(99));
    } else if (what == "bad-answer-field") {
      return Outcome.answer(new Answer(200).header("content-length", "1"));
    } else if (what == "fail") {
      return Outcome.fail("no such user");
    } else if (what == "null") {
      headers.set("x", headers.get("x-none")!);
    } else if (what == "bounds") {
      const list: i32[] = [];
      headers.set("x", list[3].toString());
    } else if (what == "throw") {
      throw new Error("thrown");
    } else if (what == "clock") {
      request.attributes.set("start", clock.monotonic().toString());
      request.attributes.set("now", clock.now().toString());
    }
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    const start = response.attributes.get("start");
    if (start !== null) {
      response.headers.set("x-took", ((clock.monotonic() - I64.parseInt(start)) / 1000000).toString());
    }
    return Outcome.ok();
  }
}

class Chooser extends Director {
  direct(request: Request, direction: Direction): Outcome {
    const what = request.headers.get("x-direct");
    if (what === null) return Outcome.ok();
    if (what == "answer") return Outcome.answer(Answer.text(404, "nowhere"));
    direction.setUpstream("next");
    const endpoint = request.headers.get("x-endpoint");
    if (endpoint !== null) direction.setEndpoint(endpoint);
    if (what == "bytes") direction.setHashKeyBytes(Uint8Array.wrap(String.UTF8.encode("b")));
    else direction.setHashKey("k");
    direction.setTimeout(2500);
    return Outcome.ok();
  }
}

class Changer extends ModifyResponse {
  constructor(private greeting: string) {
    super();
  }

  modifyResponse(response: Response): Outcome {
    response.headers.set("x-greeting", this.greeting);
    response.headers.set("x-status", response.status.toString() + " " + response.request.path);
    if (response.status == 404) response.status = 503;
    if (response.status == 410) response.status = 999;
    return Outcome.ok();
  }
}

plugin("guest", "1.2.3")
  .schema('{"type":"object"}')
  .director((config) => new Chooser())
  .middleware((config) => new Doer())
  .modifyResponse((config: Config): ModifyResponse => {
    // Reads one of each kind, so that tests see what it says of others.
    const text = config.stringOr("greeting", "hi");
    const table = config.table("table");
    const list = config.tables("list");
    let sum = table.numberOr("number", 0.5);
    for (let i = 0; i < list.length; ++i) sum += <f64>list[i].integer("n", 1, 10);
    const words = config.stringsOr("words", ["a"]).join(",");
    return new Changer(text + " " + sum.toString() + " " + words + " " + config.boolOr("flag", false).toString());
  });
