import { HttpRequest, HttpResponse, Outcome, Tick, http, kv, metrics, random } from "../../assemblyscript/assembly";
import { hex, say, shown, tried } from "./report";

/** What came of a request to an upstream: the status, or why there is none. */
function status(response: HttpResponse): string {
  return response.failed ? tried(false) : response.status.toString();
}

export function requests(name: string): Outcome {
  if (name == "http") {
    const response = http.post("auth", "/check?x=1").header("x-a", "é").body("hi").timeout(5000).send();
    if (response.failed) return say([tried(false)]);
    let many = 0;
    const all = response.headers();
    for (let i = 0; i < all.length; ++i) if (all[i].name == "x-many") ++many;
    return say([
      response.status.toString(),
      shown(response.header("X-User")),
      shown(response.header("x-none")),
      many.toString(),
      response.text(),
    ]);
  }
  if (name == "http-all") {
    // One after the other, for each to keep its own reason: a refusal that is not taken hides the next.
    const sent = http.sendAll([http.get("auth", "/check"), http.get("auth", "/missing")]);
    return say([
      status(sent[0]),
      status(sent[1]),
      status(http.get("down", "/").send()),
      status(http.get("next", "/").send()),
      status(http.get("nowhere", "/").send()),
    ]);
  }
  if (name == "http-slow") return say([status(http.get("auth", "/slow").timeout(50).send())]);
  if (name == "http-many") {
    const many: HttpRequest[] = [];
    for (let i = 0; i < 9; ++i) many.push(http.get("auth", "/check"));
    const sent = http.sendAll(many);
    return say([status(sent[7]), status(sent[8])]);
  }
  if (name == "http-large") return say([status(http.get("auth", "/large").send())]);
  return say([
    status(http.get("auth", "no-slash").send()),
    status(http.get("auth", "/a b").send()),
    status(http.request("G T", "auth", "/").send()),
    status(http.request("CONNECT", "auth", "/").send()),
    status(http.get("auth", "/").header("content-length", "1").send()),
    status(http.get("auth", "/").header("x y", "1").send()),
    status(http.get("auth", "/").header("x-a", "a\r\nx-b: c").send()),
  ]);
}

export function counted(name: string): Outcome {
  if (name == "metrics") {
    metrics.counter("conformance_total", [["by", "table"]]).add(2);
    const gauge = metrics.gauge("conformance_level");
    gauge.set(5);
    gauge.add(-1.5);
    metrics.histogram("conformance_seconds").observe(0.25);
    return say([tried(true)]);
  }
  const report: string[] = [];
  metrics.counter("a-b");
  report.push(tried(true));
  metrics.counter("");
  report.push(tried(true));
  metrics.counter("conformance_bad_total", [["a-b", "x"]]);
  report.push(tried(true));
  metrics.counter("conformance_bad_total", [["le", "x"]]);
  report.push(tried(true));
  metrics.counter("conformance_kind");
  metrics.gauge("conformance_kind");
  report.push(tried(true));
  report.push(tried(metrics.counter("conformance_total", [["by", "table"]]).add(-1)));
  report.push(tried(metrics.gauge("conformance_level").set(NaN)));
  return say(report);
}

export function drawn(): Outcome {
  const long = random.bytes(100000);
  const one = hex(random.bytes(16));
  return say([long.length.toString(), one.length.toString(), one != hex(random.bytes(16)) ? "differ" : "same"]);
}

export class Ticker extends Tick {
  constructor(private every: i64) {
    super();
  }

  period(): i64 {
    return this.every;
  }

  onTick(): Outcome {
    kv.put("ticked", "yes");
    return Outcome.ok();
  }
}
