import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Kv, load, request, tick } from "../testing/index.mjs";

const MODULE = fileURLToPath(new URL("../build/services.wasm", import.meta.url));
const services = load(MODULE);

/** The module's exports, with host calls that only say that there is nothing. */
function bare(file) {
  const module = new WebAssembly.Module(readFileSync(file));
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") (imports[from] ??= {})[name] = () => (from === "gatewright_config" ? -1 : 0);
  }
  return new WebAssembly.Instance(module, imports).exports;
}

const doing = (what) => request("GET", "/asked").header("x-do", what);
function passed(asked) {
  const outcome = services.run(asked);
  assert.equal(outcome.failure, null);
  return Object.fromEntries(outcome.attributes.map(({ name, value }) => [name, value]));
}

test("a phase that is not written says so", () => {
  const exports = bare(MODULE);
  exports._initialize();
  assert.equal(exports.gatewright_init(), 0);
  assert.deepEqual([exports.gatewright_on_response(), exports.gatewright_on_response()], [4, 4]);
});

test("entries are written, read and removed", () => {
  const noted = passed(doing("kv"));
  assert.deepEqual(noted, { none: "yes", get: "vé", bytes: "vé", removed: "yesno", long: "60000" });
});

test("entries last from one exchange to the next, until their time is up", () => {
  const kv = new Kv();
  assert.equal(passed(doing("kv-add").kv(kv)).sum, "-2");
  assert.equal(passed(doing("kv-add").kv(kv)).sum, "-4");
  assert.equal(kv.get("n"), "-4");
  assert.equal(passed(doing("kv-add").kv(kv).at(1_000_000_001_000)).sum, "-2", "later additions leave its end");
  assert.equal(passed(doing("kv-add")).sum, "-2", "another store");
});

test("a swap happens where nobody came between", () => {
  assert.equal(passed(doing("kv-swap")).swaps, "false true false true");
  const contended = new Kv().contend(2);
  assert.equal(passed(doing("kv-swap").kv(contended)).swaps, "false false true false");
  assert.equal(contended.get("s"), "b");
});

test("what no entry can be is refused, and what there is no room for", () => {
  const invalid = "not a valid name, value or number";
  assert.equal(
    passed(doing("kv-refused")).refusals,
    `write entry \`\`: ${invalid}; write entry \`k\`: ${invalid}; write entry \`k\`: ${invalid}; add to entry \`text\`: ${invalid}`,
  );
  assert.equal(services.run(doing("kv-full").kv(new Kv().setFull(true))).status, 503);
  assert.throws(() => load(MODULE, { early: true }), /read entry `k`: not allowed here/);
});

test("a request is sent as it was built, and its response read", () => {
  const asked = doing("http").withUpstream("auth", (sent) => {
    assert.deepEqual(
      [sent.upstream, sent.method, sent.target, sent.body, sent.timeout],
      ["auth", "POST", "/check?x=1", '{"a":1}', 200],
    );
    assert.deepEqual(
      ["x-path", "x-bytes", "content-type"].map((name) => sent.header(name)),
      ["/asked", "é", "application/json"],
    );
    return { status: 201, headers: { "X-User": "alicé", "x-many": ["1", "2"] }, body: '{"name":"é"}', takes: 50 };
  });
  assert.deepEqual(passed(asked), {
    status: "201 ok",
    header: "alicé",
    "header-bytes": "alicé",
    none: "yes",
    all: "3",
    body: '{"name":"é"}',
    json: "é",
    closed: "read body from upstream `auth`: not a valid name, value or number",
  });
  assert.equal(services.run(asked).sent.length, 1);
});

test("requests at once have an outcome each", () => {
  const asked = doing("http-all").withUpstream("auth", ({ method, body }) => {
    return method === "DELETE" ? { status: body === "c" ? 404 : 400 } : { error: "unreachable" };
  });
  const noted = passed(asked);
  assert.equal(noted.all, "-7 -3 404");
  assert.equal(noted.first, "request to upstream `auth`: cannot be reached");
});

test("no response is a refusal that may be taken", () => {
  const by = (what, reply) => services.run(doing(what).withUpstream("auth", () => reply));
  for (const [reply, why] of [
    [{ error: "timeout" }, "took too long"],
    [{ error: "limit" }, "over a limit of the gateway"],
    [{ error: "loop" }, "the gateway called itself too often"],
  ]) {
    const outcome = by("http-taken", reply);
    assert.equal(outcome.failure, null);
    assert.equal(outcome.attribute("failed"), `request to upstream \`auth\`: ${why}`);
    assert.equal(outcome.attribute("empty"), "", "and there is nothing to read");
  }
  assert.equal(by("http-untaken", { error: "timeout" }).failure, "request to upstream `auth`: took too long");
});

test("a request that is none is refused", () => {
  const noted = passed(doing("http-bad").withUpstream("auth", () => assert.fail("it is never sent")));
  assert.equal(noted.codes, "-2 -2 -3 -3 -2");
});

test("metrics count for all exchanges", () => {
  const counted = (outcome) => [
    outcome.metric("asked_total", { by: "tests" }),
    outcome.metric("level"),
    outcome.observed("took_seconds"),
  ];
  const plugin = load(MODULE);
  assert.deepEqual(counted(plugin.run(doing("metrics"))), [3, 3.5, [0.25, 1.5]]);
  assert.deepEqual(counted(plugin.run(doing("metrics"))), [3, 3.5, [0.25, 1.5]]);
  assert.deepEqual(counted(plugin.run(request())), [0, 3.5, []]);
  const refused = plugin.run(doing("metrics-refused")).failure;
  assert.equal(refused, "add to metric `asked_total`: not a valid name, value or number");
  for (const label of ["a-b", "le", "plugin"]) {
    assert.throws(() => load(MODULE, { label }), /define metric `configured_total`: not a valid name/);
  }
});

test("random bytes, numbers and fractions are to be had", () => {
  assert.deepEqual(passed(doing("random")), { random: "3 100000", differ: "yes", number: "yes" });
});

test("a tick does what is to be done, and says why not", () => {
  const kv = new Kv();
  assert.equal(services.period, 60_000);
  const outcome = services.run(tick().kv(kv).withUpstream("auth", ({ target }) => ({ body: `keys of ${target}` })));
  assert.deepEqual([outcome.failure, kv.get("keys")], [null, "keys of /keys"]);
  const failed = services.run(tick().withUpstream("auth", () => ({ status: 500 })));
  assert.equal(failed.failure, "no keys: 500");
  assert.throws(() => load(MODULE, { every: 99 }), /tick every `99 ms`: not a valid/);
});
