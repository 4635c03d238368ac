// @NAME@: answers `/hello` by itself, and puts its greeting on every response.

import { Answer, Config, Middleware, Outcome, Request, Response, plugin } from "gatewright-sdk/assembly";

// What the gateway calls: what every plugin exports, and what its role does.
export * from "gatewright-sdk/assembly/exports/plugin";
export * from "gatewright-sdk/assembly/exports/middleware";

class Greeter extends Middleware {
  constructor(private greeting: string) {
    super();
  }

  onRequest(request: Request): Outcome {
    if (request.path == "/hello") return Outcome.answer(Answer.text(200, this.greeting + "\n"));
    return Outcome.ok();
  }

  onResponse(response: Response): Outcome {
    response.headers.set("x-greeting", this.greeting);
    return Outcome.ok();
  }
}

// The JSON Schema of the plugin's `config` table; `gatewright plugin inspect` shows it.
const SCHEMA = `{
  "type": "object",
  "properties": {
    "greeting": { "type": "string", "default": "hello", "description": "What is said." }
  },
  "additionalProperties": false
}`;

plugin("@NAME@", "0.1.0")
  .schema(SCHEMA)
  .middleware((config: Config): Middleware => new Greeter(config.stringOr("greeting", "hello")));
