import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { type AccessRules, assertAllowed } from "./url_rules.ts";
import { parseQuery } from "./parameters.ts";
import { createHmac } from "node:crypto";

/** As documented: of the path and the query, sorted by name. */
function signature(text: string, key: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}

const OPEN: AccessRules = { allowedSizes: [], signingKeys: [] };

function ask(path: string, rules: AccessRules): void {
  const target = new URL(path, "https://pics.example.com");
  const query = parseQuery(target.searchParams, undefined, {
    maxSide: 2048,
    fallbackHosts: [],
  });
  assertAllowed(query, target, rules);
}

const denied = (error: unknown) => isAppError(error, "DENIED");

Deno.test("without rules every size is made", () => {
  ask("/alice.test?w=123&q=7", OPEN);
});

Deno.test("with allowed sizes others are refused by name", () => {
  const rules = { ...OPEN, allowedSizes: [64, 128] };
  ask("/alice.test", rules);
  ask("/alice.test?w=64&h=128", rules);
  assert.throws(
    () => ask("/alice.test?w=64&h=65", rules),
    (error) =>
      isAppError(error, "INVALID_REQUEST") && /64, 128/.test(error.message),
  );
});

Deno.test("with allowed sizes dpr cannot produce other ones", () => {
  const rules = { ...OPEN, allowedSizes: [64, 100, 128] };
  ask("/alice.test?dpr=3", rules);
  ask("/alice.test?w=64&dpr=2", rules);
  assert.throws(
    () => ask("/alice.test?w=100&dpr=2", rules),
    (error) =>
      isAppError(error, "INVALID_REQUEST") &&
      /one of 64, 100, 128, and so must w and h times dpr/.test(error.message),
  );
  const signed = { ...rules, signingKeys: ["key"] };
  ask("/alice.test?w=64&dpr=2", signed);
  assert.throws(() => ask("/alice.test?w=64&dpr=1.99", signed), denied);
});

Deno.test("with keys a size needs a signature with one of them", () => {
  const rules = { allowedSizes: [64], signingKeys: ["old key", "new key"] };
  ask("/alice.test", rules);
  ask("/alice.test?w=64", rules);
  assert.throws(() => ask("/alice.test?w=65", rules), denied);
  assert.throws(() => ask("/alice.test?q=3", rules), denied);
  for (const key of rules.signingKeys) {
    const url = new URL("https://pics.example.com/alice.test?w=65&q=3");
    url.searchParams.set("s", signature("/alice.test?q=3&w=65", key));
    ask(url.pathname + url.search, rules);
    assert.throws(() => ask(`/bob.test${url.search}`, rules), denied);
    assert.throws(
      () => ask((url.pathname + url.search).replace("w=65", "w=66"), rules),
      denied,
    );
  }
});

Deno.test("the order of the parameters does not matter to a signature", () => {
  const rules = { allowedSizes: [], signingKeys: ["key"] };
  const s = signature("/alice.test?h=20&w=10", "key");
  ask(`/alice.test?h=20&s=${s}&w=10`, rules);
});
