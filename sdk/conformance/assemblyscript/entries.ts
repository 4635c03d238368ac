import { Outcome, kv } from "../../assemblyscript/assembly";
import { hex, notUtf8, say, shown, tried } from "./report";

export function entries(name: string): Outcome {
  if (name == "kv") {
    const report: string[] = [shown(kv.get("k"))];
    kv.put("k", "é", 60000);
    report.push(shown(kv.get("k")));
    kv.putBytes("k", notUtf8());
    report.push(hex(kv.getBytes("k")!));
    kv.put("k", "x".repeat(65536));
    report.push(kv.get("k")!.length.toString());
    report.push(tried(kv.remove("k")));
    report.push(tried(kv.remove("k")));
    return say(report);
  }
  if (name == "kv-add") {
    kv.remove("n");
    kv.add("n", 5, 60000);
    const sum = kv.add("n", -7);
    return say([sum.toString(), shown(kv.get("n"))]);
  }
  if (name == "kv-swap") {
    kv.remove("s");
    return say([
      tried(kv.compareAndSwap("s", "old", "new")),
      tried(kv.compareAndSwap("s", null, "a")),
      tried(kv.compareAndSwap("s", null, "b")),
      tried(kv.compareAndSwap("s", "a", "c")),
      shown(kv.get("s")),
    ]);
  }
  if (name == "kv-ticked") return say([shown(kv.get("ticked"))]);
  kv.put("text", "x");
  const report: string[] = [
    tried(kv.put("", "x")),
    tried(kv.put("k".repeat(513), "x")),
    tried(kv.put("k".repeat(512), "x", 1000)),
    tried(kv.putBytes("k", new Uint8Array(65537))),
    tried(kv.compareAndSwap("k", "", "x".repeat(65537))),
  ];
  kv.add("text", 1);
  report.push(tried(true));
  kv.put("max", i64.MAX_VALUE.toString());
  kv.add("max", 1);
  report.push(tried(true));
  return say(report);
}
