import assert from "node:assert/strict";
import { test } from "node:test";

import { load, request } from "gatewright-sdk/testing";

const MODULE = "build/@NAME@.wasm";

test("hello is answered with the greeting", () => {
  const outcome = load(MODULE, { greeting: "hi" }).run(request("GET", "/hello"));
  assert.equal(outcome.failure, null);
  assert.ok(outcome.answered);
  assert.equal(outcome.body, "hi\n");
});

test("every response carries the greeting", () => {
  const outcome = load(MODULE).run(request("GET", "/shop"));
  assert.equal(outcome.failure, null);
  assert.ok(!outcome.answered);
  assert.equal(outcome.responseHeader("x-greeting"), "hello");
});

test("a greeting that is no text is refused", () => {
  assert.throws(() => load(MODULE, { greeting: 1 }), /`greeting` is a number, not a string/);
});
