// Sets the headers by which a browser is told to be careful.

import { Config, JsonKind, ModifyResponse, Outcome, Response, isFieldValue, plugin } from "gatewright-sdk/assembly";

export * from "gatewright-sdk/assembly/exports/plugin";
export * from "gatewright-sdk/assembly/exports/modify-response";

/** A header to set. */
class Setting {
  constructor(
    readonly name: string,
    readonly value: string,
  ) {}
}

class SecurityHeaders extends ModifyResponse {
  constructor(
    private settings: Setting[],
    /** Whether a value that the upstream chose stays. */
    private keep: bool,
  ) {
    super();
  }

  modifyResponse(response: Response): Outcome {
    const headers = response.headers;
    for (let i = 0; i < this.settings.length; ++i) {
      const setting = this.settings[i];
      if (this.keep && headers.has(setting.name)) continue;
      headers.set(setting.name, setting.value);
    }
    return Outcome.ok();
  }
}

// A year, as the HSTS preload list asks for.
const YEAR: i64 = 31536000;

function make(config: Config): ModifyResponse {
  const settings: Setting[] = [];
  if (!config.isOff("hsts")) settings.push(new Setting("strict-transport-security", hsts(config)));
  choose(settings, config, "csp", "content-security-policy", "default-src 'self'; object-src 'none'; base-uri 'self'");
  choose(settings, config, "content_type_options", "x-content-type-options", "nosniff");
  choose(settings, config, "referrer_policy", "referrer-policy", "strict-origin-when-cross-origin");
  choose(settings, config, "permissions_policy", "permissions-policy", "camera=(), geolocation=(), microphone=()");
  choose(settings, config, "frame_options", "x-frame-options", "DENY");
  return new SecurityHeaders(settings, config.boolOr("keep", false));
}

/** The value of Strict-Transport-Security: a table of its parts, or a string that is taken as it is. */
function hsts(config: Config): string {
  const given = config.value("hsts");
  if (given !== null && given.kind == JsonKind.String) return text(config, "hsts", "");
  const parts = config.table("hsts");
  parts.refuseOthers(["max_age", "include_subdomains", "preload"]);
  let value = "max-age=" + parts.integerOr("max_age", YEAR, 0).toString();
  if (parts.boolOr("include_subdomains", true)) value += "; includeSubDomains";
  if (parts.boolOr("preload", false)) value += "; preload";
  return value;
}

/** Sets `header` to what `key` says, or to `otherwise`; not at all where it is `false`. */
function choose(settings: Setting[], config: Config, key: string, header: string, otherwise: string): void {
  if (!config.isOff(key)) settings.push(new Setting(header, text(config, key, otherwise)));
}

function text(config: Config, key: string, otherwise: string): string {
  const value = config.stringOr(key, otherwise);
  if (value.length == 0) config.wrong(key, "is empty; `false` leaves the header out");
  if (!isFieldValue(value)) config.wrong(key, "has characters that a header cannot have");
  return value;
}

const OVERRIDE = '{"anyOf":[{"type":"string","minLength":1},{"const":false}]}';
const SCHEMA =
  '{"type":"object","additionalProperties":false,"properties":{' +
  '"hsts":{"anyOf":[{"type":"string","minLength":1},{"const":false},{"type":"object","additionalProperties":false,' +
  '"properties":{"max_age":{"type":"integer","minimum":0},"include_subdomains":{"type":"boolean"},' +
  '"preload":{"type":"boolean"}}}]},' +
  '"csp":' + OVERRIDE + "," +
  '"content_type_options":' + OVERRIDE + "," +
  '"referrer_policy":' + OVERRIDE + "," +
  '"permissions_policy":' + OVERRIDE + "," +
  '"frame_options":' + OVERRIDE + "," +
  '"keep":{"type":"boolean"}}}';

plugin("security-headers", "0.1.0").schema(SCHEMA).modifyResponse(make);
