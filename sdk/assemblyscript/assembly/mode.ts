/** A hook that may ask for the body of its message. */
export enum Hook {
  OnRequest = 0,
  Direct = 1,
  ModifyResponse = 2,
  OnResponse = 3,
}

/** How many of them there are. */
export const HOOKS: i32 = 4;

/** A hook's name in a manifest. */
export function hookName(hook: Hook): string {
  switch (hook) {
    case Hook.OnRequest:
      return "on_request";
    case Hook.Direct:
      return "direct";
    case Hook.ModifyResponse:
      return "modify_response";
    default:
      return "on_response";
  }
}

const enum Amount {
  None,
  Peek,
  Buffer,
  Stream,
}

/** How a hook wants the body of its message; for `Plugin.body`. */
export class BodyMode {
  private constructor(
    private amount: Amount,
    private bytes: u32 = 0,
    private content: string = "",
  ) {}

  /** The hook does not see the body. The default. */
  static none(): BodyMode {
    return new BodyMode(Amount.None);
  }

  /** The hook runs when the first `bytes` are at hand, or all there are. It cannot change them. */
  static peek(bytes: u32): BodyMode {
    return new BodyMode(Amount.Peek, bytes);
  }

  /** The hook runs when the whole body is at hand, up to the plugin's `limits.body`. It may replace it. */
  static buffer(): BodyMode {
    return new BodyMode(Amount.Buffer);
  }

  /** The hook runs on the head alone, and may hand the body to a `BodyStream`. */
  static stream(): BodyMode {
    return new BodyMode(Amount.Stream);
  }

  /**
   * Without its content coding (`gzip` and the like); what the hook makes of it is sent on without one. Where nothing
   * is said the bytes are as they are on the wire.
   */
  decoded(): BodyMode {
    return new BodyMode(this.amount, this.bytes, "decoded");
  }

  /** Without its content coding; what the hook makes of it gets the same coding again. */
  recoded(): BodyMode {
    return new BodyMode(this.amount, this.bytes, "recoded");
  }

  get isNone(): bool {
    return this.amount == Amount.None;
  }

  get isStream(): bool {
    return this.amount == Amount.Stream;
  }

  /** As a manifest says it. */
  json(): string {
    let json = '{"mode":"' + this.name + '"';
    if (this.amount == Amount.Peek) json += ',"bytes":' + this.bytes.toString();
    if (this.content.length > 0) json += ',"content":"' + this.content + '"';
    return json + "}";
  }

  private get name(): string {
    switch (this.amount) {
      case Amount.Peek:
        return "peek";
      case Amount.Buffer:
        return "buffer";
      case Amount.Stream:
        return "stream";
      default:
        return "none";
    }
  }
}
