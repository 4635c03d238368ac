import { Config } from "./config";
import { Json } from "./json";
import { Director, Middleware, ModifyResponse } from "./role";

/** What a module says of itself, and how its roles are made. */
export class Plugin {
  private schemaText: string = "";
  makeDirector: ((config: Config) => Director) | null = null;
  makeMiddleware: ((config: Config) => Middleware) | null = null;
  makeModifyResponse: ((config: Config) => ModifyResponse) | null = null;

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

  /** The manifest, as JSON. */
  manifest(): string {
    const roles: string[] = [];
    if (this.makeDirector !== null) roles.push('"director"');
    if (this.makeMiddleware !== null) roles.push('"middleware"');
    if (this.makeModifyResponse !== null) roles.push('"modify_response"');
    let json = '{"name":' + Json.quote(this.name) + ',"version":' + Json.quote(this.version);
    json += ',"roles":[' + roles.join(",") + "]";
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
