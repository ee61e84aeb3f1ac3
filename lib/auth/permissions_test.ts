import assert from "node:assert/strict";
import fc from "fast-check";
import { isAppError } from "../errors.ts";
import {
  formatPermissions,
  isPermitted,
  parsePermissions,
} from "./permissions.ts";

const alice = "did:plc:alicealicealicealiceal22";
const bob = "did:plc:bobbobbobbobbobbobbobbo2";

Deno.test("a pattern covers its repository, a prefix, or everything", () => {
  const cases: [string, string, boolean][] = [
    ["app", "app", true],
    ["app", "app2", false],
    ["app", "app/x", false],
    ["team/*", "team/app", true],
    ["team/*", "team/a/b", true],
    ["team/*", "team", false],
    ["team/*", "teamwork/app", false],
    ["app-*", "app-one", true],
    ["app-*", "application", false],
    ["*", "any/thing", true],
  ];
  for (const [pattern, repo, covered] of cases) {
    const permissions = parsePermissions(`repository:${pattern}:pull`);
    assert.equal(
      isPermitted(permissions, alice, "pull", alice, repo),
      covered,
      `${pattern} ${repo}`,
    );
  }
});

Deno.test("only a star alone covers repositories of others", () => {
  const narrow = parsePermissions("repository:app:pull repository:te*:pull");
  assert.ok(!isPermitted(narrow, alice, "pull", bob, "app"));
  assert.ok(!isPermitted(narrow, alice, "pull", bob, "team"));
  const wide = parsePermissions("repository:*:pull");
  assert.ok(isPermitted(wide, alice, "pull", bob, "app"));
});

Deno.test("pull does not include push, push includes pull", () => {
  const read = parsePermissions("repository:app:pull");
  assert.ok(!isPermitted(read, alice, "push", alice, "app"));
  assert.ok(!isPermitted(read, alice, "delete", alice, "app"));
  const write = parsePermissions("repository:app:push");
  assert.ok(isPermitted(write, alice, "pull", alice, "app"));
  assert.ok(!isPermitted(write, alice, "delete", alice, "app"));
});

Deno.test("an invalid permission is refused with the reason", () => {
  const wrong = [
    "",
    "repository:app",
    "repository::pull",
    "repository:app:",
    "repository:app:pull,fly",
    "repository:App:pull",
    "repository:a*b:pull",
    "repository:**:pull",
    "repository:../x:pull",
    "registry:catalog:*",
    "repository:app:*",
    Array(11).fill("repository:app:pull").join(" "),
  ];
  for (const text of wrong) {
    assert.throws(
      () => parsePermissions(text),
      (e) => isAppError(e, "INVALID_REQUEST"),
      text,
    );
  }
});

Deno.test("any text is refused or formatted back unchanged", () => {
  const part = fc.oneof(
    fc.string(),
    fc.stringMatching(/^repository:[a-z*/.]{0,5}:(pull|push|delete|,){0,4}$/),
  );
  fc.assert(fc.property(part, (text) => {
    try {
      const permissions = parsePermissions(text);
      const again = parsePermissions(formatPermissions(permissions));
      assert.deepEqual(again, permissions);
    } catch (error) {
      assert.ok(isAppError(error, "INVALID_REQUEST"));
    }
  }));
});
