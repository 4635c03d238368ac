import { Answer, Level, Outcome, Request, clock, log } from "../../assemblyscript/assembly";
import { hex, notUtf8, say, shown, tried } from "./report";

export function heads(name: string, request: Request): Outcome {
  const headers = request.headers;
  if (name == "head") {
    const report: string[] = [shown(headers.get("X-Many")), headers.getAll("x-many").join(","), shown(headers.get("x-none"))];
    headers.set("x-many", "c");
    headers.add("x-many", "d");
    report.push(tried(headers.remove("x-gone")));
    report.push(tried(headers.remove("x-gone")));
    const all = headers.all();
    let many = 0;
    for (let i = 0; i < all.length; ++i) if (all[i].name == "x-many") ++many;
    report.push(many.toString());
    headers.set("x-report", report.join(" "));
    return Outcome.ok();
  }
  if (name == "head-bytes") {
    headers.setBytes("x-bytes", notUtf8());
    return say([hex(headers.getBytes("x-bytes")!)]);
  }
  if (name == "head-bad") {
    return say([
      tried(headers.set("te", "x")),
      tried(headers.set("Content-Length", "1")),
      tried(headers.set("cdn-loop", "x")),
      tried(headers.add("transfer-encoding", "chunked")),
      tried(headers.remove("connection")),
      tried(headers.remove("host")),
      tried(headers.add("host", "other.test")),
      tried(headers.set("bad name", "x")),
      tried(headers.set("", "x")),
      tried(headers.set("é", "x")),
      tried(headers.set("x-a", "a\r\nx-b: c")),
      tried(headers.set("x-a", "a\nb")),
      tried(headers.set("x-a", "a\0b")),
    ]);
  }
  if (name == "head-limit") {
    let added = 0;
    while (added < 300 && headers.add("x-more", "x")) ++added;
    return say([added < 256 ? "some" : "many", tried(false)]);
  }
  if (name == "head-size") return say([tried(headers.set("x-long", "x".repeat(300 * 1024)))]);
  return Outcome.ok();
}

export function parts(name: string, request: Request): Outcome {
  if (name == "parts") {
    const facts: string[] = [request.method, request.path, shown(request.query), request.host, request.clientIp];
    facts.push(request.scheme);
    facts.push(request.protocol);
    facts.push(request.route);
    facts.push(request.id.length.toString());
    request.headers.set("x-report", facts.join(" "));
    request.method = "PUT";
    request.path = "/b";
    request.query = "y=2";
    request.host = "other.test";
    return Outcome.ok();
  }
  const report: string[] = [];
  request.path = "none";
  report.push(tried(true));
  request.path = "/a b";
  report.push(tried(true));
  request.path = "/a?b";
  report.push(tried(true));
  request.path = "/a#b";
  report.push(tried(true));
  request.path = "/" + "x".repeat(17 * 1024);
  report.push(tried(true));
  request.query = "a b";
  report.push(tried(true));
  request.method = "G T";
  report.push(tried(true));
  request.method = "CONNECT";
  report.push(tried(true));
  request.host = "a b";
  report.push(tried(true));
  request.host = "a\r\nx-b: c";
  report.push(tried(true));
  return say(report);
}

export function attributes(name: string, request: Request): Outcome {
  const attributes = request.attributes;
  if (name == "attributes") {
    const report: string[] = [shown(attributes.get("a"))];
    attributes.set("a", "é");
    report.push(shown(attributes.get("a")));
    attributes.setBytes("é", notUtf8());
    report.push(hex(attributes.getBytes("é")!));
    attributes.setBool("b", true);
    report.push(attributes.getBool("b") ? "true" : "false");
    attributes.setNumber("n", 42);
    report.push((<i64>attributes.getNumber("n")).toString());
    report.push(tried(attributes.remove("a")));
    report.push(tried(attributes.remove("a")));
    return say(report);
  }
  if (name == "attribute-later") {
    attributes.setBytes("conformance-later", notUtf8());
    return Outcome.ok();
  }
  let set = 0;
  const report: string[] = [tried(attributes.set("", "x"))];
  while (set < 100 && attributes.set("a" + set.toString(), "x")) ++set;
  report.push(set <= 64 ? "some" : "many");
  report.push(tried(false));
  return say(report);
}

export function logged(name: string): Outcome {
  if (name == "log-bad") {
    // A lone half of a surrogate pair: no UTF-8 has it.
    log.info("conformance half " + String.fromCharCode(0xd800) + "\r\nsecond line");
    return say(["ok"]);
  }
  log.error("conformance error");
  log.warn("conformance warn");
  log.info("conformance info");
  return say([log.enabled(Level.Info) ? "yes" : "no", log.enabled(Level.Trace) ? "yes" : "no"]);
}

export function clocks(): Outcome {
  const before = clock.monotonic();
  const wall = clock.now();
  // The year 2020.
  return say([clock.monotonic() >= before ? "on" : "back", wall > 1577836800000000000 ? "now" : "then"]);
}

export function answered(name: string): Outcome {
  if (name == "answer") {
    return Outcome.answer(Answer.bytes(418, "x/y", notUtf8()).header("x-a", "1").header("x-a", "2"));
  }
  if (name == "answer-json") return Outcome.answer(Answer.json(200, '{"a":1}'));
  if (name == "answer-redirect") return Outcome.answer(Answer.redirect(308, "/new"));
  if (name == "answer-status") return Outcome.answer(new Answer(99));
  if (name == "answer-framing") return Outcome.answer(new Answer(200).header("content-length", "7"));
  if (name == "answer-split") return Outcome.answer(new Answer(200).header("x-a", "a\r\nx-b: c"));
  return Outcome.answer(Answer.bytes(200, "x/y", new Uint8Array((1 << 20) + 1)));
}

export function failing(name: string): Outcome {
  if (name == "fail-trap") unreachable();
  while (name == "fail-loop") clock.monotonic();
  return Outcome.fail("no such user");
}
