import assert from "node:assert/strict";
import { missingPermissions } from "./missing_permissions.ts";
import { GRANULAR_SCOPE, TRANSITION_SCOPE } from "./scopes.ts";

Deno.test("the requested scopes suffice, and so does the transition scope", () => {
  assert.deepEqual(missingPermissions(GRANULAR_SCOPE), []);
  assert.deepEqual(missingPermissions(TRANSITION_SCOPE), []);
});

Deno.test("equivalent permissions suffice", () => {
  const shuffled = GRANULAR_SCOPE.split(" ").toReversed().join(" ")
    .replace("collection=io.atcr.manifest&", "")
    .concat(" repo:io.atcr.manifest");
  assert.deepEqual(missingPermissions(shuffled), []);
});

Deno.test("every dropped permission is reported", () => {
  const items = GRANULAR_SCOPE.split(" ").flatMap((part) => {
    const [head = "", query = ""] = part.split("?");
    const fields = query.split("&");
    return fields.filter((field) => /^(lxm|collection)=/.test(field)).map(
      (field) => ({
        part,
        head,
        field,
        rest: fields.filter((f) => f !== field),
      }),
    );
  });
  assert.ok(items.length >= 15);
  for (const { part, head, field, rest } of items) {
    const without = GRANULAR_SCOPE.replace(part, `${head}?${rest.join("&")}`);
    const missing = missingPermissions(without);
    const nsid = field.split("=")[1] ?? "";
    assert.equal(missing.length, 1, nsid);
    assert.ok(missing[0]?.includes(nsid));
  }
  assert.deepEqual(missingPermissions(GRANULAR_SCOPE.replace("blob:*/*", "")), [
    "upload blobs",
  ]);
});

Deno.test("a right to create is not a right to write", () => {
  const narrow = GRANULAR_SCOPE.replace("repo?", "repo?action=create&");
  assert.ok(missingPermissions(narrow).includes("write records io.atcr.tag"));
});

Deno.test("a right for one hold is not a right to call all holds", () => {
  const narrow = GRANULAR_SCOPE.replace(
    "aud=*",
    "aud=did:web:hold.example%23atcr_hold",
  );
  assert.ok(missingPermissions(narrow).length > 0);
});
