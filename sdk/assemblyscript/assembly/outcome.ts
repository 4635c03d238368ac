import { Answer } from "./answer";

/** How a hook ended. */
export class Outcome {
  private static OK: Outcome = new Outcome();
  private static UNUSED: Outcome = new Outcome();

  /** What to answer, where the plugin answers by itself. */
  given: Answer | null = null;
  /** Why the hook failed, where it did. */
  reason: string | null = null;

  /** All is well: on with the exchange. A refusal that was not taken (see `takeError`) fails the hook nevertheless. */
  static ok(): Outcome {
    return Outcome.OK;
  }

  /** The hook is the SDK's own, which does nothing: the gateway leaves it out from now on. */
  static unused(): Outcome {
    return Outcome.UNUSED;
  }

  /** Back to the client, with this answer. Only before the request is sent. */
  static answer(answer: Answer): Outcome {
    const outcome = new Outcome();
    outcome.given = answer;
    return outcome;
  }

  /**
   * The hook failed. What becomes of the exchange is for the plugin's `on_error` to say; the reason goes to the
   * gateway's log, and never to the client.
   */
  static fail(reason: string): Outcome {
    const outcome = new Outcome();
    outcome.reason = reason;
    return outcome;
  }
}
