// Which origins are let in.

/** One entry of `origins`: an origin, or a pattern with one `*`. */
class Entry {
  constructor(
    readonly before: string,
    /** What stands after the `*`; `null` where there is none. */
    readonly after: string | null,
  ) {}

  matches(origin: string): bool {
    const after = this.after;
    if (after === null) return origin == this.before;
    const stars = origin.length - this.before.length - after.length;
    if (stars < 1 || !origin.startsWith(this.before) || !origin.endsWith(after)) return false;
    for (let i = this.before.length; i < this.before.length + stars; ++i) {
      if (!isHostChar(origin.charCodeAt(i))) return false;
    }
    return true;
  }
}

/** The origins of a configuration. */
export class Origins {
  private entries: Entry[] = [];
  /** Whether `*` is one of them. */
  all: bool = false;

  has(origin: string): bool {
    if (this.all) return true;
    for (let i = 0; i < this.entries.length; ++i) {
      if (this.entries[i].matches(origin)) return true;
    }
    return false;
  }

  /** Adds what the configuration says; what is wrong with it, or `null`. */
  add(text: string): string | null {
    if (text == "*") {
      this.all = true;
      return null;
    }
    const origin = text.toLowerCase();
    const star = origin.indexOf("*");
    const scheme = origin.indexOf("://");
    if (origin != "null" && (scheme < 1 || scheme + 3 == origin.length)) {
      return "is no origin; one looks like `https://app.example.com`";
    }
    if (origin != "null" && origin.indexOf("/", scheme + 3) >= 0) return "has a path; an origin ends with host or port";
    if (star < 0) {
      this.entries.push(new Entry(origin, null));
      return null;
    }
    const isLabel = star == scheme + 3 && origin.charAt(star + 1) == ".";
    const isPort = star == origin.length - 1 && origin.charAt(star - 1) == ":" && star - 1 > scheme;
    if (!isLabel && !isPort) return "has a `*` elsewhere than in `https://*.example.com` or `http://localhost:*`";
    if (origin.indexOf("*", star + 1) >= 0) return "has more than one `*`";
    this.entries.push(new Entry(origin.substring(0, star), origin.substring(star + 1)));
    return null;
  }
}

/** What a `*` stands for: labels of a host, or a port. */
function isHostChar(c: i32): bool {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39) || c == 0x2d || c == 0x2e;
}
