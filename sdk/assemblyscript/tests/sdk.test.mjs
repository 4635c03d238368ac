import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { load, manifest, request } from "../testing/index.mjs";

const MODULE = fileURLToPath(new URL("../build/guest.wasm", import.meta.url));
const guest = load(MODULE);

const ask = (what, asked = request()) => guest.run(asked.header("x-do", what));
function passed(what, asked) {
  const outcome = ask(what, asked);
  assert.equal(outcome.failure, null);
  return outcome;
}

test("the manifest has name, version, roles and schema", () => {
  assert.deepEqual(manifest(MODULE), {
    name: "guest",
    version: "1.2.3",
    roles: ["director", "middleware", "modify_response"],
    config: { type: "object" },
  });
});

test("headers are read, set, added and removed", () => {
  const bytes = Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xc3]);
  const asked = request().header("X-Many", "1").header("x-many", "2").header("x-gone", "").header("x-bytes", bytes);
  const outcome = passed("headers", asked);
  assert.equal(outcome.header("x-set"), "1|2");
  assert.deepEqual(outcome.headers("x-many"), ["1", "2", "é😀"]);
  assert.equal(outcome.header("x-removed"), "yes");
  assert.equal(outcome.header("x-removed-again"), "no");
  assert.equal(outcome.header("x-has"), "yesno");
  assert.equal(outcome.header("x-null"), "yes");
  assert.equal(outcome.header("x-text"), "a\ufffdé\ufffd\ufffd\ufffd😀\ufffd", "what is not UTF-8 is replaced");
  assert.deepEqual(outcome.headers("x-copy"), [bytes.toString(), bytes.toString()]);
  const all = outcome.attributes.filter(({ name }) => name.startsWith("all-")).map(({ value }) => value);
  assert.deepEqual(all, ["1", "2", "é😀"]);
});

test("values longer than the SDK's places go both ways", () => {
  for (const length of [4095, 4096, 4097, 60_000]) {
    const outcome = passed("long", request().header("x-in", "é" + "x".repeat(length - 2)).header("x-small", "small"));
    assert.equal(outcome.header("x-long"), "é" + "x".repeat(length - 2) + "!");
    assert.equal(outcome.header("x-short"), "s");
    assert.equal(outcome.header("x-short-in"), "small");
  }
});

test("characters beyond ASCII go both ways wherever they stand", () => {
  for (const character of ["é", "€", "😀"]) {
    for (let before = 0; before <= 9; ++before) {
      const text = "x".repeat(before) + character + "y".repeat(9 - before);
      assert.equal(passed("long", request().header("x-in", text).header("x-small", "s")).header("x-long"), text + "!");
    }
  }
});

test("parts of the request are read and changed", () => {
  const outcome = passed("parts", request("POST", "/a%20b?x=1?").clientIp("10.0.0.1").route("shop"));
  assert.equal(outcome.header("x-parts"), "POST /a%20b x=1? gateway.test");
  assert.equal(outcome.header("x-facts"), "10.0.0.1 http HTTP/1.1 shop 0123456789abcdef0123456789abcdef");
  assert.equal(outcome.header("x-upstream"), "none");
  assert.deepEqual([outcome.method, outcome.path, outcome.query, outcome.host], ["PUT", "/b", "y=2", "other.test"]);
  assert.equal(passed("no-query", request("GET", "/?x")).query, null);
});

test("attributes are text, numbers, booleans, JSON and bytes", () => {
  const outcome = passed("attributes", request().attribute("given", "v").attribute("gone", ""));
  const named = Object.fromEntries(outcome.attributes.map(({ name, value }) => [name, value]));
  assert.deepEqual(named, {
    given: "v",
    text: "vé",
    whole: "1234567890123",
    half: "0.5",
    sum: "1234567890124",
    none: "NaN",
    bytes: "v",
    yes: "true",
    both: "true",
    json: '{"a":[1]}',
    "from-json": "a list",
    removed: "yes",
  });
  for (const [what, why] of [
    ["not-a-number", "read attribute as a number `given`: not a valid name, value or number"],
    ["not-a-bool", "read attribute as a boolean `given`: not a valid name, value or number"],
    ["not-json", "read attribute `given`: not JSON: no value at character 1"],
  ]) {
    assert.equal(ask(what, request().attribute("given", "v")).failure, why);
  }
});

test("a refusal that nobody takes fails the hook, with the first one's reason", () => {
  assert.equal(ask("refused").failure, "set request header `te`: not allowed here");
  const answered = ask("refused-and-answered");
  assert.equal(answered.failure, "set request header `te`: not allowed here");
  assert.equal(passed("refused-and-taken").attribute("refusal"), "set request header `te`: not allowed here");
  assert.equal(ask("none").failure, null, "and does not stay for the next");
});

test("a plugin answers in text, JSON and HTML, and redirects", () => {
  const json = passed("answer");
  assert.ok(json.answered);
  assert.equal(json.status, 418);
  assert.deepEqual(JSON.parse(json.body), { error: 'a "b"\\\n é' });
  assert.equal(json.responseHeader("content-type"), "application/json");
  assert.equal(json.responseHeader("x-a"), "1");
  const moved = passed("redirect");
  assert.deepEqual([moved.status, moved.responseHeader("location"), moved.body], [308, "/new", ""]);
  const html = passed("html");
  assert.deepEqual([html.body, html.responseHeader("content-type")], ["<p>é</p>", "text/html; charset=utf-8"]);
  assert.equal(ask("bad-answer").failure, "answer with `99`: not a valid name, value or number");
  assert.equal(ask("bad-answer-field").failure, "answer with `200`: not allowed here");
});

test("a failure has its reason, and a trap its place", () => {
  const failed = ask("fail");
  assert.deepEqual([failed.failure, failed.trapped], ["no such user", false]);
  for (const [what, why] of [
    ["null", /^Unexpected 'null'.*, at tests\/guest\.ts:\d+:\d+$/],
    ["bounds", /^Index out of range, at ~lib\/array\.ts:\d+:\d+$/],
    ["throw", /^thrown, at tests\/guest\.ts:\d+:\d+$/],
  ]) {
    const trapped = ask(what);
    assert.match(trapped.failure, why);
    assert.ok(trapped.trapped);
  }
});

test("lines of a level that is off are not written", () => {
  const outcome = passed("log", request().logLevel(2));
  assert.deepEqual(outcome.logs, [{ level: "error", line: "e" }, { level: "info", line: "i" }]);
  assert.equal(outcome.attribute("enabled"), "no");
});

test("the clock runs from the request to the response", () => {
  const outcome = passed("clock", request().upstreamTakes(25));
  assert.equal(outcome.responseHeader("x-took"), "25");
  assert.equal(outcome.attribute("now"), "1000000000000000000");
});

test("a director chooses upstream, endpoint, hash key and timeout, or answers", () => {
  const direct = (what) => guest.run(request().header("x-direct", what).header("x-endpoint", "http://127.0.0.1:9002"));
  const chosen = direct("text");
  assert.equal(chosen.failure, null);
  const { upstream, endpoint, hashKey, timeout } = chosen;
  assert.deepEqual([upstream, endpoint, hashKey, timeout], ["next", "http://127.0.0.1:9002", "k", 2500]);
  assert.equal(direct("bytes").hashKey, "b");
  assert.deepEqual([direct("answer").status, direct("answer").body], [404, "nowhere"]);
});

test("modify-response changes headers and status", () => {
  const outcome = guest.run(request("GET", "/a").upstreamStatus(404));
  assert.deepEqual([outcome.status, outcome.responseHeader("x-status")], [503, "404 /a"]);
  const refused = guest.run(request("GET", "/a").upstreamStatus(410));
  assert.equal(refused.failure, "set status `999`: not a valid name, value or number");
});

test("a configuration is read with its kinds", () => {
  const greeting = (config) => load(MODULE, config).run(request()).responseHeader("x-greeting");
  assert.equal(greeting({}), "hi 0.5 a false");
  const full = { greeting: 'é "\t😀/\\', table: { number: -1.5e2 }, list: [{ n: 3 }], words: ["b", "c"], flag: true };
  assert.equal(greeting(full), 'é "\t😀/\\ -147.0 b,c true');
  assert.equal(greeting({ greeting: "x".repeat(10_000), table: null }), `${"x".repeat(10_000)} 0.5 a false`);
});

test("what is wrong in a configuration is reported with its place, all at once", () => {
  const config = { greeting: 1, table: { number: "1" }, list: [{ n: 0 }, { n: 1.5 }, {}, 7], words: [1], flag: "no" };
  assert.throws(
    () => load(MODULE, config),
    (error) => {
      const problems = error.message.replace(/^config: /, "").split("; ");
      for (const problem of [
        "`table.number` is a string, not a number",
        "`list[0].n` 0 is below 1",
        "`list[1].n` is not a whole number",
        "`list[3]` is a number, not a table",
        "`words[0]` is a number, not a string",
        "`flag` is a string, not true or false",
        "`greeting` is a number, not a string",
      ]) {
        assert.ok(problems.includes(problem), `${problem} in ${error.message}`);
      }
      return true;
    },
  );
  assert.throws(() => load(MODULE, []), /config: it is a list, not a table/);
});

test("memory does not grow with the number of calls", () => {
  const plugin = load(MODULE);
  const many = () => request().header("x-do", "headers").header("x-many", "1").header("x-bytes", "b".repeat(9000));
  for (let i = 0; i < 4000; ++i) assert.equal(plugin.run(many()).failure, null);
  assert.ok(plugin.memory <= 1 << 20, `${plugin.memory} bytes`);
});
