// The exports of a plugin, each as a function over what `plugin` registered.

import { incoming, value as valueOut } from "./bytes";
import { Config } from "./config";
import { Direction } from "./direction";
import { config_read, log_fail } from "./host";
import { Json } from "./json";
import { Hook, hookName } from "./mode";
import { Outcome } from "./outcome";
import { registeredPlugin } from "./plugin";
import { lastError, takeError } from "./refusal";
import { Request } from "./request";
import { Response } from "./response";
import { Director, Middleware, ModifyResponse, Tick } from "./role";
import { advance, begin, takeStream } from "./stream";
import { startTimer } from "./timer";

const CONTINUE = 0;
const ANSWERED = 1;
const STREAM = 2;
const DONE = 3;
const UNUSED = 4;
const FAILED = -1;

// They hold nothing of an exchange, so one of each serves all.
const request = new Request();
const response = new Response();
const direction = new Direction();

let director: Director | null = null;
let middleware: Middleware | null = null;
let modifier: ModifyResponse | null = null;
let ticker: Tick | null = null;
/** The manifest's bytes stay where they are. */
let manifestBytes: ArrayBuffer | null = null;

export namespace guest {
  export function manifest(): i64 {
    const bytes = String.UTF8.encode(registeredPlugin().manifest(), false, String.UTF8.ErrorMode.REPLACE);
    manifestBytes = bytes;
    return ((<i64>changetype<usize>(bytes)) << 32) | <i64>bytes.byteLength;
  }

  export function init(): i32 {
    takeError();
    const json = Json.parse(readConfig());
    if (json.problem !== null) return failed("config: " + json.problem!);
    const config = Config.of(json);
    const plugin = registeredPlugin();
    const makeDirector = plugin.makeDirector;
    if (makeDirector !== null) director = makeDirector(config);
    const makeMiddleware = plugin.makeMiddleware;
    if (makeMiddleware !== null) middleware = makeMiddleware(config);
    const makeModifyResponse = plugin.makeModifyResponse;
    if (makeModifyResponse !== null) modifier = makeModifyResponse(config);
    const makeTick = plugin.makeTick;
    if (makeTick !== null) ticker = makeTick(config);
    if (config.problems.length > 0) return failed("config: " + config.problems.join("; "));
    const tick = ticker;
    if (tick !== null && !startTimer(tick.period())) {
      return failed("a tick is registered, but `gatewright-sdk/assembly/exports/tick` is not exported");
    }
    return finish(Outcome.ok());
  }

  export function direct(): i32 {
    const role = director;
    if (role === null) return failed("this plugin registers no director");
    return end(Hook.Direct, role.direct(request, direction));
  }

  export function onRequest(): i32 {
    const role = middleware;
    if (role === null) return failed("this plugin registers no middleware");
    return end(Hook.OnRequest, role.onRequest(request));
  }

  export function onResponse(): i32 {
    const role = middleware;
    if (role === null) return failed("this plugin registers no middleware");
    return end(Hook.OnResponse, role.onResponse(response));
  }

  export function modifyResponse(): i32 {
    const role = modifier;
    if (role === null) return failed("this plugin registers no modify-response");
    return end(Hook.ModifyResponse, role.modifyResponse(response));
  }

  export function onBody(): i32 {
    const outcome = advance();
    if (outcome === null) return DONE;
    return finish(outcome);
  }

  export function onTick(): i32 {
    const tick = ticker;
    if (tick === null) return failed("this plugin registers no tick");
    return finish(tick.onTick());
  }
}

function readConfig(): string {
  let length = config_read(incoming.out, incoming.cap);
  while (incoming.tooShort(length)) length = config_read(incoming.out, incoming.cap);
  return length < 0 ? "{}" : incoming.text(length);
}

/** What a hook returns to the gateway, which may have handed its body to a stream. */
function end(hook: Hook, outcome: Outcome): i32 {
  const stream = takeStream();
  const code = finish(outcome);
  if (code != CONTINUE || stream === null) return code;
  if (!registeredPlugin().bodyOf(hook).isStream) {
    return failed("a body is streamed, but `" + hookName(hook) + "` does not ask for `BodyMode.stream()`");
  }
  begin(stream);
  return STREAM;
}

/** What an export returns to the gateway. */
function finish(outcome: Outcome): i32 {
  if (outcome === Outcome.ok() && lastError() === null) return CONTINUE;
  const reason = outcome.reason;
  if (reason !== null) {
    takeError();
    return failed(reason);
  }
  let refusal = takeError();
  if (refusal !== null) return failed(refusal.toString());
  const answer = outcome.given;
  if (answer === null) return outcome === Outcome.unused() ? UNUSED : CONTINUE;
  if (answer.give()) return ANSWERED;
  refusal = takeError();
  return failed(refusal === null ? "the answer was refused" : refusal.toString());
}

function failed(reason: string): i32 {
  valueOut.text(reason);
  log_fail(valueOut.start, valueOut.length);
  return FAILED;
}
