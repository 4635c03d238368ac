import { Headers } from "gatewright-sdk/assembly";

/** Adds `name` to Vary, unless it is there: upstreams and other plugins have theirs. */
export function vary(headers: Headers, name: string): void {
  const values = headers.getAll("vary");
  const wanted = name.toLowerCase();
  for (let i = 0; i < values.length; ++i) {
    const names = values[i].toLowerCase().split(",");
    for (let j = 0; j < names.length; ++j) {
      const there = names[j].trim();
      if (there == wanted || there == "*") return;
    }
  }
  headers.add("vary", name);
}
