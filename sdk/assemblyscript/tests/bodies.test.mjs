import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { load, manifest, request } from "../testing/index.mjs";

const MODULE = fileURLToPath(new URL("../build/bodies.wasm", import.meta.url));
const bodies = load(MODULE);

const ask = (what, ...body) => bodies.run(request("POST").header("x-do", what).body(...body));
const answered = (what, ...body) => bodies.run(request().header("x-response", what).upstreamBody(...body));

test("the manifest says what each hook asks for", () => {
  assert.deepEqual(manifest(MODULE).bodies, {
    on_request: { mode: "buffer" },
    direct: { mode: "peek", bytes: 4, content: "decoded" },
    on_response: { mode: "stream", content: "recoded" },
  });
});

test("a body that is buffered is read, and replaced", () => {
  assert.equal(ask("seen", "é", "!").header("x-seen"), "3 whole é!");
  assert.equal(ask("seen").header("x-seen"), "0 whole ");
  const upper = ask("upper", "long ", "x".repeat(10_000));
  assert.equal(upper.requestBody, "LONG " + "X".repeat(10_000));
  assert.equal(upper.header("x-seen"), `10005 whole LONG ${"X".repeat(10_000)}`, "what is read then is the new one");
  assert.deepEqual([...ask("bytes", Buffer.from([0, 255, 1])).requestBodyBytes], [1, 255, 0]);
  assert.equal(ask("seen", Buffer.from([0x61, 0xff])).header("x-seen"), "2 whole a\ufffd");
  const tooMuch = ask("too-much", "kept");
  assert.deepEqual([tooMuch.header("x-limit"), tooMuch.requestBody], ["yes", "kept"]);
});

test("a body is read as JSON, or refused with the place", () => {
  assert.equal(ask("json", '{"name":"é"}').header("x-name"), "é");
  const refused = ask("json", '{"name":}');
  assert.equal(refused.status, 400);
  assert.equal(refused.body, "read body of `request`: not JSON: no value at character 9");
});

test("the beginning of a body is seen before it has come whole, and only seen", () => {
  const peek = (what, body) => bodies.run(request("POST").header("x-direct", what).body(body));
  assert.equal(peek("see", "12345").header("x-peek"), "4 begun 1234");
  assert.equal(peek("see", "1234").header("x-peek"), "4 whole 1234");
  assert.equal(peek("replace", "1234").failure, "replace body of `request`: not allowed here");
});

test("a hook that has not asked for the body does not see it", () => {
  const refused = "read size of the body of `response`: not allowed here";
  assert.equal(bodies.run(request().header("x-blind", "").upstreamBody("secret")).failure, refused);
  assert.equal(answered("read", "secret").failure, refused, "nor one that asks to stream");
});

test("a streamed body keeps what straddles two pieces", () => {
  const outcome = answered("lines", "one\ntw", "o\nthree", "");
  assert.equal(outcome.failure, null);
  assert.deepEqual(outcome.pieces, ["1 one\n", "2 two\n", "3 three."]);
  assert.equal(answered("lines").body, "1 .", "an empty body has an end, too");
  assert.equal(answered("lines", "x").body, "1 x.", "and nothing stays for the next");
});

test("a stream may let the rest pass", () => {
  assert.deepEqual(answered("first", "a", "b", "c").pieces, ["<", "a", ">", "b", "c"]);
  assert.deepEqual(answered("first").pieces, []);
});

test("what a stream may not do fails", () => {
  assert.equal(answered("fail", "x").failure, "no such body");
  assert.equal(answered("answer", "x").failure, "answer with `200`: not allowed here");
  assert.equal(answered("too-much", "x").failure, "write to `body`: over a limit of the gateway");
  assert.ok(answered("trap", "x").trapped);
  const undeclared = ask("stream", "x").failure;
  assert.equal(undeclared, "a body is streamed, but `on_request` does not ask for `BodyMode.stream()`");
});

test("memory does not grow with the number of bodies", () => {
  const plugin = load(MODULE);
  const long = "x".repeat(20_000);
  for (let i = 0; i < 1000; ++i) {
    plugin.run(request("POST").header("x-do", "upper").header("x-response", "first").body(long).upstreamBody(long));
  }
  assert.ok(plugin.memory <= 2 << 20, `${plugin.memory} bytes`);
});
