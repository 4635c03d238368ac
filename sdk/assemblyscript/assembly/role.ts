import { Direction } from "./direction";
import { Outcome } from "./outcome";
import { Request } from "./request";
import { Response } from "./response";

/** Rewrites the outgoing request and chooses where it goes. Runs last before the request is sent. */
export abstract class Director {
  abstract direct(request: Request, direction: Direction): Outcome;
}

/**
 * Stands around everything that follows, as a layer of an onion: the request phases of a route's middlewares run
 * outermost first, the response phases in reverse.
 *
 * The two phases of an exchange may run in different instances of the plugin. What lasts from one to the other goes
 * into attributes, not into a field.
 *
 * A phase that is not written costs nothing: the gateway calls it once and leaves it out from then on.
 */
export abstract class Middleware {
  /** Sees the request before those further inside: changes it and lets it go on, or answers it. */
  onRequest(request: Request): Outcome {
    return Outcome.unused();
  }

  /** Sees the response after those further inside. */
  onResponse(response: Response): Outcome {
    return Outcome.unused();
  }
}

/** Changes the upstream's response, before any middleware sees it. An answer of a plugin does not come here. */
export abstract class ModifyResponse {
  abstract modifyResponse(response: Response): Outcome;
}

/**
 * Has something done from time to time, for the whole gateway. It is no role: a plugin has it beside its roles.
 *
 * A tick runs in one instance, seldom the one that serves the next request: what it learns goes into the key-value
 * store. There is no exchange around it, so there are no attributes.
 */
export abstract class Tick {
  /** Milliseconds from one tick to the next, at least 100. Asked once, when the plugin has been made. */
  abstract period(): i64;

  /** Called when the plugin has come into service, and once in each period from then on. A failure is logged. */
  abstract onTick(): Outcome;
}
