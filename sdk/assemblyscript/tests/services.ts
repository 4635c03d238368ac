// Calls what the gateway has besides the exchange, as the request's `x-do` asks for: for the tests of this SDK.

import {
  Answer,
  Code,
  Config,
  Counter,
  Gauge,
  Histogram,
  HttpResponse,
  Middleware,
  Outcome,
  Request,
  Tick,
  http,
  kv,
  lastError,
  metrics,
  plugin,
  random,
  takeError,
} from "../assembly";

export * from "../assembly/exports/plugin";
export * from "../assembly/exports/middleware";
export * from "../assembly/exports/tick";

class Services extends Middleware {
  private asked: Counter = metrics.counter("asked_total", [["by", "tests"]]);
  private level: Gauge = metrics.gauge("level");
  private took: Histogram = metrics.histogram("took_seconds");

  onRequest(request: Request): Outcome {
    const what = request.headers.get("x-do");
    if (what === null) return Outcome.ok();
    const attributes = request.attributes;
    if (what == "kv") {
      attributes.set("none", kv.get("k") === null && kv.getBytes("k") === null ? "yes" : "no");
      kv.put("k", "vé");
      attributes.set("get", kv.get("k")!);
      attributes.setBytes("bytes", kv.getBytes("k")!);
      kv.putBytes("b", Uint8Array.wrap(String.UTF8.encode("x")), 1000);
      attributes.set("removed", (kv.remove("k") ? "yes" : "no") + (kv.remove("k") ? "yes" : "no"));
      kv.put("long", "x".repeat(60000));
      attributes.set("long", kv.get("long")!.length.toString());
    } else if (what == "kv-add") {
      kv.add("n", 1, 1000);
      attributes.set("sum", kv.add("n", -3).toString());
    } else if (what == "kv-swap") {
      const swaps: bool[] = [
        kv.compareAndSwap("s", "old", "new"),
        kv.compareAndSwap("s", null, "a", 1000),
        kv.compareAndSwap("s", null, "b"),
        kv.compareAndSwap("s", "a", "c"),
      ];
      attributes.set("swaps", swaps.join(" "));
    } else if (what == "kv-refused") {
      const refusals: string[] = [];
      kv.put("", "v");
      refusals.push(takeError()!.toString());
      kv.put("k", "v", -1);
      refusals.push(takeError()!.toString());
      kv.put("k", "x".repeat(65537));
      refusals.push(takeError()!.toString());
      kv.put("text", "v");
      kv.add("text", 1);
      refusals.push(takeError()!.toString());
      attributes.set("refusals", refusals.join("; "));
    } else if (what == "kv-full") {
      if (!kv.put("more", "v") && takeError()!.code == Code.Limit) return Outcome.answer(new Answer(503));
    } else if (what == "http") {
      const response = http
        .post("auth", "/check?x=1")
        .header("x-path", request.path)
        .headerBytes("x-bytes", Uint8Array.wrap(String.UTF8.encode("é")))
        .json('{"a":1}')
        .timeout(200)
        .send();
      attributes.set("status", response.status.toString() + (response.ok ? " ok" : ""));
      attributes.set("header", response.header("X-User")!);
      attributes.setBytes("header-bytes", response.headerBytes("x-user")!);
      attributes.set("none", response.header("x-none") === null ? "yes" : "no");
      attributes.set("all", response.headers().length.toString());
      attributes.set("body", response.text());
      attributes.set("json", response.json()!.get("name")!.string);
      response.close();
      attributes.set("closed", response.text() + takeError()!.toString());
    } else if (what == "http-all") {
      const requests = [http.get("auth", "/a"), http.get("other", "/b"), http.request("DELETE", "auth", "/c").body("c")];
      const responses = http.sendAll(requests);
      attributes.set("all", responses.map<string>((response: HttpResponse) => shown(response)).join(" "));
      attributes.set("first", takeError()!.toString());
    } else if (what == "http-taken") {
      const response = http.get("auth", "/a").send();
      attributes.set("failed", response.failed ? takeError()!.toString() : "");
      attributes.set("empty", response.text() + (response.header("x") === null ? "" : "?"));
    } else if (what == "http-untaken") {
      http.get("auth", "/a").send();
    } else if (what == "http-bad") {
      const bad = [
        http.get("auth", "no-slash").send(),
        http.request("G T", "auth", "/").send(),
        http.request("CONNECT", "auth", "/").send(),
        http.get("auth", "/").header("content-length", "1").send(),
        http.get("auth", "/").header("x y", "1").send(),
      ];
      takeError();
      attributes.set("codes", bad.map<string>((response: HttpResponse) => response.code.toString()).join(" "));
    } else if (what == "metrics") {
      this.asked.increment();
      this.asked.add(2);
      this.level.set(5);
      this.level.add(-1.5);
      this.took.observe(0.25);
      this.took.observeTime(1500000000);
    } else if (what == "metrics-refused") {
      this.asked.add(-1);
    } else if (what == "random") {
      const long = random.bytes(100000);
      const number = random.number();
      attributes.set("random", random.bytes(3).length.toString() + " " + long.length.toString());
      attributes.set("differ", random.integer() != random.integer() && long[99999] != long[0] ? "yes" : "");
      attributes.set("number", number >= 0 && number < 1 ? "yes" : number.toString());
    }
    return Outcome.ok();
  }
}

function shown(response: HttpResponse): string {
  return response.failed ? response.code.toString() : response.status.toString();
}

class Keys extends Tick {
  constructor(private every: i64) {
    super();
  }

  period(): i64 {
    return this.every;
  }

  onTick(): Outcome {
    const keys = http.get("auth", "/keys").send();
    if (!keys.ok) return Outcome.fail("no keys: " + keys.status.toString());
    kv.put("keys", keys.text());
    return Outcome.ok();
  }
}

plugin("services", "1.0.0")
  .middleware((config: Config): Middleware => {
    if (config.boolOr("early", false)) kv.get("k");
    const labels: string[][] = config.has("label") ? [[config.string("label"), "v"]] : [];
    if (lastError() === null) metrics.counter("configured_total", labels);
    return new Services();
  })
  .tick((config: Config): Tick => new Keys(config.integerOr("every", 60000)));
