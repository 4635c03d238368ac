import { value as valueOut } from "./bytes";
import { log_enabled, log_write } from "./host";

/** The level of a log line. */
export enum Level {
  /** Something failed. */
  Error = 0,
  /** Something looks wrong. */
  Warn = 1,
  /** Something worth knowing happened. */
  Info = 2,
  /** For whoever looks for a fault. */
  Debug = 3,
  /** Every step. */
  Trace = 4,
}

/** Lines in the gateway's log. Each is marked with plugin, route and request id. */
export namespace log {
  /** Whether a line of this level would be written: ask before you put together an expensive one. */
  export function enabled(level: Level): bool {
    return log_enabled(level) == 1;
  }

  export function error(line: string): void {
    write(Level.Error, line);
  }

  export function warn(line: string): void {
    write(Level.Warn, line);
  }

  export function info(line: string): void {
    write(Level.Info, line);
  }

  export function debug(line: string): void {
    write(Level.Debug, line);
  }

  export function trace(line: string): void {
    write(Level.Trace, line);
  }

  /** A line of some level; nothing is encoded or handed over where the level is off. */
  export function write(level: Level, line: string): void {
    if (!enabled(level)) return;
    valueOut.text(line);
    log_write(level, valueOut.start, valueOut.length);
  }
}
