import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { isAppError } from "../errors.ts";
import { parseScopes } from "./scope.ts";

const MAX_SCOPES = 100;

Deno.test("scopes may be repeated, joined by spaces, or both", () => {
  assert.deepEqual(
    parseScopes([
      "repository:alice.test/app:push,pull repository:bob.test/base:pull",
      "registry:catalog:*",
    ]),
    [
      {
        type: "repository",
        name: "alice.test/app",
        actions: ["push", "pull"],
      },
      { type: "repository", name: "bob.test/base", actions: ["pull"] },
      { type: "registry", name: "catalog", actions: ["*"] },
    ],
  );
  assert.deepEqual(parseScopes([]), []);
  assert.deepEqual(parseScopes(["", "  "]), []);
});

Deno.test("a name may contain colons, and a class after the type is ignored", () => {
  assert.deepEqual(
    parseScopes([
      "repository(plugin):did:plc:abc/app:pull",
      "repository:did:web:localhost%3A5000/app:pull",
    ]).map(({ name }) => name),
    ["did:plc:abc/app", "did:web:localhost%3A5000/app"],
  );
});

Deno.test("the same repository twice is one scope with the actions of both", () => {
  assert.deepEqual(
    parseScopes(["repository:a/b:pull,pull", "repository(x):a/b:push,pull"]),
    [{ type: "repository", name: "a/b", actions: ["pull", "push"] }],
  );
});

Deno.test("unknown scopes grant nothing and are not an error", () => {
  assert.deepEqual(
    parseScopes([
      "namespace:a:pull",
      "repository:a",
      "repository",
      "repository::pull",
      ":a:pull",
      "(x):a:pull",
      "Repository:a:pull",
    ]),
    [],
  );
  assert.deepEqual(parseScopes(["repository:a/b:fly,pull,"]), [
    { type: "repository", name: "a/b", actions: ["pull"] },
  ]);
});

Deno.test("a request for too many scopes is refused", () => {
  const many = Array.from(
    { length: MAX_SCOPES },
    (_, n) => `repository:a/b${n}:pull`,
  );
  assert.equal(parseScopes([many.join(" ")]).length, MAX_SCOPES);
  assert.throws(
    () => parseScopes([...many, "x"]),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});

Deno.test("any scope text is parsed, and a formatted scope is parsed back", () => {
  const near = fc.string({ unit: fc.constantFrom(..."repository(x):,pul/ *") });
  const scopes = fc.tuple(near, near).map(([name, actions]) =>
    `repository:${name}:${actions}`
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(scopes, near, fc.string({ unit: "binary" }))),
      (values) => {
        const parsed = valueOrClientError(() => parseScopes(values));
        if (parsed === undefined) return;
        const written = parsed.map(({ type, name, actions }) =>
          `${type}:${name}:${actions.join(",")}`
        );
        assert.deepEqual(parseScopes(written), parsed);
      },
    ),
    FUZZ,
  );
});
