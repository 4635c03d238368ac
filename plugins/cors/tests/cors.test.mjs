import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { load, manifest, request } from "gatewright-sdk/testing";

const MODULE = fileURLToPath(new URL("../build/cors.wasm", import.meta.url));
const APP = "https://app.example.com";

const cors = (config) => load(MODULE, { origins: [APP], ...config });
const from = (origin) => request("GET", "/").header("origin", origin);
const preflight = (origin, method = "PUT") =>
  request("OPTIONS", "/").header("Origin", origin).header("Access-Control-Request-Method", method);

test("the manifest says what it is", () => {
  const { name, roles, config } = manifest(MODULE);
  assert.equal(name, "cors");
  assert.deepEqual(roles, ["middleware"]);
  assert.deepEqual(config.required, ["origins"]);
});

test("a preflight is answered", () => {
  const plugin = cors({ methods: ["GET", "PUT"], headers: ["x-token"], credentials: true, max_age: 60 });
  const outcome = plugin.run(preflight(APP).header("access-control-request-headers", "x-token"));
  assert.equal(outcome.failure, null);
  assert.ok(outcome.answered);
  assert.equal(outcome.status, 204);
  assert.equal(outcome.responseHeader("access-control-allow-origin"), APP);
  assert.equal(outcome.responseHeader("access-control-allow-methods"), "GET, PUT");
  assert.equal(outcome.responseHeader("access-control-allow-headers"), "x-token");
  assert.equal(outcome.responseHeader("access-control-allow-credentials"), "true");
  assert.equal(outcome.responseHeader("access-control-max-age"), "60");
  assert.deepEqual(outcome.responseHeaders("vary"), [
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
  ]);
});

test("a preflight of another origin is answered with nothing", () => {
  const outcome = cors().run(preflight("https://evil.example"));
  assert.ok(outcome.answered);
  assert.equal(outcome.responseHeader("access-control-allow-origin"), null);
  assert.equal(outcome.responseHeader("access-control-allow-methods"), null);
  assert.match(outcome.responseHeader("vary"), /^Origin/);
});

test("a star of methods and headers gives what is asked for", () => {
  const plugin = cors({ methods: ["*"], headers: ["*"] });
  const outcome = plugin.run(preflight(APP, "PURGE").header("access-control-request-headers", "x-a, x-b"));
  assert.equal(outcome.responseHeader("access-control-allow-methods"), "PURGE");
  assert.equal(outcome.responseHeader("access-control-allow-headers"), "x-a, x-b");
});

test("OPTIONS that is no preflight goes on", () => {
  assert.ok(!cors().run(request("OPTIONS", "/").header("origin", APP)).answered);
  assert.ok(!cors().run(request("OPTIONS", "/").header("access-control-request-method", "GET")).answered);
});

test("a response is for the origin that asked, and says so to caches", () => {
  const plugin = cors({ expose_headers: ["x-total", "etag"] });
  const outcome = plugin.run(from(APP).upstreamHeader("vary", "accept-encoding"));
  assert.equal(outcome.responseHeader("access-control-allow-origin"), APP);
  assert.equal(outcome.responseHeader("access-control-expose-headers"), "x-total, etag");
  assert.equal(outcome.responseHeader("access-control-allow-credentials"), null);
  assert.deepEqual(outcome.responseHeaders("vary"), ["accept-encoding", "Origin"]);
});

test("Vary holds for others and for those who name no origin", () => {
  for (const asked of [from("https://evil.example"), request("GET", "/")]) {
    const outcome = cors().run(asked.upstreamHeader("access-control-allow-origin", "*"));
    assert.equal(outcome.responseHeader("access-control-allow-origin"), null, "the upstream's word does not count");
    assert.deepEqual(outcome.responseHeaders("vary"), ["Origin"]);
  }
});

test("Vary is not said twice", () => {
  for (const there of ["Accept, ORIGIN", "*"]) {
    const outcome = cors().run(from(APP).upstreamHeader("vary", there));
    assert.deepEqual(outcome.responseHeaders("vary"), [there]);
  }
});

test("a star lets everybody in without Vary", () => {
  const outcome = cors({ origins: ["*"] }).run(from("https://any.example"));
  assert.equal(outcome.responseHeader("access-control-allow-origin"), "*");
  assert.deepEqual(outcome.responseHeaders("vary"), []);
});

test("patterns let in hosts below a domain, and ports", () => {
  const plugin = cors({ origins: ["https://*.Example.com", "http://localhost:*"] });
  const allowed = (origin) => plugin.run(from(origin)).responseHeader("access-control-allow-origin") === origin;
  for (const origin of ["https://a.example.com", "https://a.b.example.com", "http://localhost:3000"]) {
    assert.ok(allowed(origin), origin);
  }
  for (const origin of [
    "https://example.com",
    "https://.example.com.evil.test",
    "https://evil.test/.example.com",
    "https://evil.test#.example.com",
    "http://a.example.com",
    "http://localhost",
    "null",
  ]) {
    assert.ok(!allowed(origin), origin);
  }
});

test("origins that are not UTF-8 are nobody's", () => {
  const outcome = cors().run(request("GET", "/").header("origin", Buffer.from([0xff, 0xfe])));
  assert.equal(outcome.failure, null);
  assert.equal(outcome.responseHeader("access-control-allow-origin"), null);
});

test("what cannot be meant is refused at load, all at once", () => {
  assert.throws(() => load(MODULE, {}), /`origins` is missing/);
  assert.throws(() => cors({ origins: ["*"], credentials: true }), /`credentials` would let every site/);
  assert.throws(() => cors({ origins: ["example.com", "https://a/", "https://a.*"] }), (error) => {
    for (const place of ["origins[0]", "origins[1]", "origins[2]"]) assert.ok(error.message.includes(place), error);
    return true;
  });
  assert.throws(() => cors({ methods: ["G T"], max_age: -1 }), /`methods\[0\]`.*`max_age` -1 is below 0/);
  assert.throws(() => cors({ max_age: 1.5 }), /`max_age` is not a whole number/);
});
