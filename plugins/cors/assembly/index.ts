// Cross-origin resource sharing: answers preflights, and tells browsers who may read the responses.

import {
  Answer,
  Config,
  Middleware,
  Outcome,
  Request,
  Response,
  isFieldName,
  plugin,
} from "gatewright-sdk/assembly";

import { Origins } from "./origins";
import { vary } from "./vary";

export * from "gatewright-sdk/assembly/exports/plugin";
export * from "gatewright-sdk/assembly/exports/middleware";

// The attribute that goes from the request phase to the response phase: the value of Access-Control-Allow-Origin, or
// that a preflight was answered.
const ALLOWED = "cors";
const PREFLIGHT = "preflight";

class Cors extends Middleware {
  origins: Origins = new Origins();
  /** As they are sent; `*` stands for what is asked for. */
  methods: string = "";
  headers: string = "";
  expose: string = "";
  credentials: bool = false;
  /** In seconds. */
  maxAge: string = "";

  onRequest(request: Request): Outcome {
    const origin = request.headers.get("origin");
    const asked = request.headers.get("access-control-request-method");
    if (origin !== null && asked !== null && request.method == "OPTIONS") {
      request.attributes.set(ALLOWED, PREFLIGHT);
      return Outcome.answer(this.preflight(request, origin, asked));
    }
    if (origin !== null && this.origins.has(origin)) request.attributes.set(ALLOWED, this.allowed(origin));
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    const allowed = response.attributes.get(ALLOWED);
    if (allowed !== null && allowed == PREFLIGHT) return Outcome.ok();
    const headers = response.headers;
    // What the upstream says of its own is not this plugin's policy.
    headers.remove("access-control-allow-origin");
    headers.remove("access-control-allow-credentials");
    headers.remove("access-control-expose-headers");
    // Without regard to who asks: a cache must not give one origin's response to another.
    if (this.variesByOrigin) vary(headers, "Origin");
    if (allowed === null) return Outcome.ok();
    headers.set("access-control-allow-origin", allowed);
    if (this.credentials) headers.set("access-control-allow-credentials", "true");
    if (this.expose.length > 0) headers.set("access-control-expose-headers", this.expose);
    return Outcome.ok();
  }

  /** To an origin that is not let in it says nothing, which browsers take for a no. */
  private preflight(request: Request, origin: string, method: string): Answer {
    const answer = new Answer(204);
    answer.header("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    if (!this.origins.has(origin)) return answer;
    answer.header("access-control-allow-origin", this.allowed(origin));
    if (this.credentials) answer.header("access-control-allow-credentials", "true");
    answer.header("access-control-allow-methods", this.methods == "*" ? method : this.methods);
    const asked = request.headers.get("access-control-request-headers");
    const headers = this.headers == "*" && asked !== null ? asked : this.headers;
    if (headers.length > 0 && asked !== null) answer.header("access-control-allow-headers", headers);
    answer.header("access-control-max-age", this.maxAge);
    return answer;
  }

  private allowed(origin: string): string {
    return this.variesByOrigin ? origin : "*";
  }

  private get variesByOrigin(): bool {
    return !this.origins.all;
  }
}

function make(config: Config): Middleware {
  const cors = new Cors();
  const origins = config.strings("origins");
  for (let i = 0; i < origins.length; ++i) {
    const problem = cors.origins.add(origins[i]);
    if (problem !== null) config.wrong("origins[" + i.toString() + "]", "`" + origins[i] + "` " + problem);
  }
  cors.methods = names(config, "methods", ["GET", "HEAD", "POST"]);
  cors.headers = names(config, "headers", []);
  cors.expose = names(config, "expose_headers", []);
  cors.credentials = config.boolOr("credentials", false);
  cors.maxAge = config.integerOr("max_age", 600, 0).toString();
  if (cors.credentials && cors.origins.all) {
    config.wrong("credentials", "would let every site act for its visitors; name the origins instead of `*`");
  }
  return cors;
}

/** A list of methods or headers as it is sent; `*` where it is one of them. */
function names(config: Config, key: string, otherwise: string[]): string {
  const names = config.stringsOr(key, otherwise);
  for (let i = 0; i < names.length; ++i) {
    if (!isFieldName(names[i])) config.wrong(key + "[" + i.toString() + "]", "`" + names[i] + "` is not a name");
  }
  return names.includes("*") ? "*" : names.join(", ");
}

const NAMES = '{"type":"array","items":{"type":"string","pattern":"^[!#$%&\'*+.^_`|~0-9A-Za-z-]+$"}}';

plugin("cors", "0.1.0")
  .schema(
    '{"type":"object","additionalProperties":false,"required":["origins"],"properties":{' +
      '"origins":{"type":"array","items":{"type":"string"},"minItems":1},' +
      '"methods":' + NAMES + "," +
      '"headers":' + NAMES + "," +
      '"expose_headers":' + NAMES + "," +
      '"credentials":{"type":"boolean"},' +
      '"max_age":{"type":"integer","minimum":0}}}',
  )
  .middleware(make);
