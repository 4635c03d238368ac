import { Part } from "./host";
import { change, changeBytes } from "./part";

/** Where the request goes: what a `Director` chooses, and the route decides otherwise. */
export class Direction {
  /** Sends the request to another upstream, by its name in the configuration. */
  setUpstream(name: string): bool {
    return change(Part.Upstream, "choose upstream", name);
  }

  /** Sends the request to one endpoint of the upstream, by its URL as the configuration writes it. */
  setEndpoint(url: string): bool {
    return change(Part.Endpoint, "choose endpoint", url);
  }

  /** Gives the balancer a key to hash. Balancers that do not hash take no notice of it. */
  setHashKey(key: string): bool {
    return change(Part.HashKey, "set hash key", key);
  }

  /** Gives the balancer a key to hash, as bytes. */
  setHashKeyBytes(key: Uint8Array): bool {
    return changeBytes(Part.HashKey, "set hash key", key);
  }

  /** Limits how long the upstream may take to answer, in milliseconds. */
  setTimeout(milliseconds: u32): bool {
    return change(Part.TimeoutMs, "set timeout", milliseconds.toString());
  }
}
