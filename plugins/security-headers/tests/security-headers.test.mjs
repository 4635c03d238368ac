import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { load, manifest, request } from "gatewright-sdk/testing";

const MODULE = fileURLToPath(new URL("../build/security-headers.wasm", import.meta.url));

const DEFAULTS = {
  "strict-transport-security": "max-age=31536000; includeSubDomains",
  "content-security-policy": "default-src 'self'; object-src 'none'; base-uri 'self'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "strict-origin-when-cross-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "x-frame-options": "DENY",
};

const KEYS = {
  hsts: "strict-transport-security",
  csp: "content-security-policy",
  content_type_options: "x-content-type-options",
  referrer_policy: "referrer-policy",
  permissions_policy: "permissions-policy",
  frame_options: "x-frame-options",
};

const run = (config, asked = request()) => load(MODULE, config).run(asked);

test("the manifest says what it is", () => {
  const { name, roles, config } = manifest(MODULE);
  assert.equal(name, "security-headers");
  assert.deepEqual(roles, ["modify_response"]);
  assert.deepEqual(Object.keys(config.properties), [...Object.keys(KEYS), "keep"]);
});

test("without a configuration all are set", () => {
  const outcome = run({});
  assert.equal(outcome.failure, null);
  for (const [header, value] of Object.entries(DEFAULTS)) assert.deepEqual(outcome.responseHeaders(header), [value]);
});

test("each can be put off, and the others stay", () => {
  for (const [key, header] of Object.entries(KEYS)) {
    const outcome = run({ [key]: false });
    for (const [other, value] of Object.entries(DEFAULTS)) {
      assert.equal(outcome.responseHeader(other), other === header ? null : value, `${key}: ${other}`);
    }
  }
});

test("each can be overridden", () => {
  for (const [key, header] of Object.entries(KEYS)) {
    assert.equal(run({ [key]: "other é" }).responseHeader(header), "other é");
  }
});

test("HSTS is put together from its parts", () => {
  const hsts = (parts) => run({ hsts: parts }).responseHeader("strict-transport-security");
  assert.equal(hsts({ max_age: 0 }), "max-age=0; includeSubDomains");
  assert.equal(hsts({ include_subdomains: false }), "max-age=31536000");
  assert.equal(hsts({ preload: true }), "max-age=31536000; includeSubDomains; preload");
});

test("the upstream's values are replaced, or kept where the configuration says so", () => {
  const asked = () => request().upstreamHeader("X-Frame-Options", "SAMEORIGIN");
  assert.deepEqual(run({}, asked()).responseHeaders("x-frame-options"), ["DENY"]);
  assert.deepEqual(run({ keep: true }, asked()).responseHeaders("x-frame-options"), ["SAMEORIGIN"]);
  assert.equal(run({ keep: true }, asked()).responseHeader("x-content-type-options"), "nosniff");
});

test("what a header cannot hold is refused at load", () => {
  assert.throws(() => load(MODULE, { csp: "a\r\nset-cookie: b" }), /`csp` has characters that a header cannot have/);
  assert.throws(() => load(MODULE, { csp: "" }), /`csp` is empty; `false` leaves the header out/);
  assert.throws(() => load(MODULE, { csp: true }), /`csp` is true, not a string/);
  assert.throws(() => load(MODULE, { hsts: { max_age: "1y", x: 1 } }), /`hsts\.x` is not a key.*`hsts\.max_age` is a string/);
});
