import { Config } from "./config";
import { Json } from "./json";
import { BodyMode, HOOKS, Hook, hookName } from "./mode";
import { Director, Middleware, ModifyResponse, Tick } from "./role";

/** What a module says of itself, and how its roles are made. */
export class Plugin {
  private schemaText: string = "";
  makeDirector: ((config: Config) => Director) | null = null;
  makeMiddleware: ((config: Config) => Middleware) | null = null;
  makeModifyResponse: ((config: Config) => ModifyResponse) | null = null;
  makeTick: ((config: Config) => Tick) | null = null;
  private modes: StaticArray<BodyMode> = new StaticArray<BodyMode>(HOOKS).fill(BodyMode.none());

  constructor(
    readonly name: string,
    readonly version: string,
  ) {}

  /**
   * The JSON Schema of the configuration, against which the gateway checks it before this plugin sees it. Without one
   * the gateway takes whatever is there.
   */
  schema(json: string): Plugin {
    this.schemaText = json;
    return this;
  }

  /** Makes this plugin a director; the entry file also exports `gatewright-sdk/assembly/exports/director`. */
  director(make: (config: Config) => Director): Plugin {
    this.makeDirector = make;
    return this;
  }

  /** Makes this plugin a middleware; the entry file also exports `gatewright-sdk/assembly/exports/middleware`. */
  middleware(make: (config: Config) => Middleware): Plugin {
    this.makeMiddleware = make;
    return this;
  }

  /** Makes it a modify-response; the entry file also exports `gatewright-sdk/assembly/exports/modify-response`. */
  modifyResponse(make: (config: Config) => ModifyResponse): Plugin {
    this.makeModifyResponse = make;
    return this;
  }

  /** Has something done from time to time; the entry file also exports `gatewright-sdk/assembly/exports/tick`. */
  tick(make: (config: Config) => Tick): Plugin {
    this.makeTick = make;
    return this;
  }

  /**
   * Says how a hook wants the body of its message: the request's for `OnRequest` and `Direct`, the response's for
   * `ModifyResponse` and `OnResponse`. A hook of which nothing is said does not see the body, which then costs nothing.
   *
   * Where one streams, the entry file also exports `gatewright-sdk/assembly/exports/body`.
   */
  body(hook: Hook, mode: BodyMode): Plugin {
    this.modes[hook] = mode;
    return this;
  }

  /** How a hook wants the body of its message. */
  bodyOf(hook: Hook): BodyMode {
    return this.modes[hook];
  }

  /** The manifest, as JSON. */
  manifest(): string {
    const roles: string[] = [];
    if (this.makeDirector !== null) roles.push('"director"');
    if (this.makeMiddleware !== null) roles.push('"middleware"');
    if (this.makeModifyResponse !== null) roles.push('"modify_response"');
    let json = '{"name":' + Json.quote(this.name) + ',"version":' + Json.quote(this.version);
    json += ',"roles":[' + roles.join(",") + "]";
    const bodies: string[] = [];
    for (let hook = 0; hook < HOOKS; ++hook) {
      const mode = this.modes[hook];
      if (!mode.isNone) bodies.push(Json.quote(hookName(<Hook>hook)) + ":" + mode.json());
    }
    if (bodies.length > 0) json += ',"bodies":{' + bodies.join(",") + "}";
    if (this.schemaText.length > 0) json += ',"config":' + this.schemaText;
    return json + "}";
  }
}

let registered: Plugin | null = null;

/** Says what this module is. Called once, at the top level of the entry file. */
export function plugin(name: string, version: string): Plugin {
  const made = new Plugin(name, version);
  registered = made;
  return made;
}

/** What `plugin` made. */
export function registeredPlugin(): Plugin {
  if (registered === null) registered = new Plugin("", "");
  return registered!;
}
