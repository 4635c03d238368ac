// What `plugins/header-logic` does in Rust, for measuring: one header read, two set on the request, one set on the response.

import { Config, Middleware, Outcome, Request, Response, plugin } from "../assembly";

export * from "../assembly/exports/plugin";
export * from "../assembly/exports/middleware";

class HeaderLogic extends Middleware {
  onRequest(request: Request): Outcome {
    const headers = request.headers;
    const user = headers.get("x-user");
    if (user !== null) headers.set("x-gw-user", user);
    headers.set("x-gw", "bench");
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    response.headers.set("x-gw-resp", "1");
    return Outcome.ok();
  }
}

plugin("header-logic", "0.1.0").middleware((config: Config): Middleware => new HeaderLogic());
