import assert from "node:assert/strict";
import { isValidRecordKey } from "@atproto/syntax";
import fc from "fast-check";
import { isAppError } from "../../errors.ts";
import {
  manifestRkey,
  statsRkey,
  tagRkey,
  tagRkeyAlternative,
} from "./rkeys.ts";

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const separator = fc.constantFrom(".", "_", "__", "-", "/");
/** Repository names as the distribution specification allows them. */
const repository = fc.tuple(
  word,
  fc.array(fc.tuple(separator, word), { maxLength: 6 }),
)
  .map(([first, rest]) => first + rest.flat().join(""));
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,40}$/);

Deno.test("keys have the specified form", () => {
  const hex = "a".repeat(64);
  assert.equal(manifestRkey(`sha256:${hex}`), hex);
  assert.equal(tagRkey("team/app", "v1.0"), "team~app_v1.0");
  assert.equal(tagRkeyAlternative("team/app", "v1.0"), "team~app:v1.0");
});

Deno.test("the key of statistics is 128 bits of sha256 in base32", () => {
  // sha256("did:plc:ewvi7nxzyoun6zhxrhs64oiz/app"), verified with other tools.
  assert.equal(
    statsRkey("did:plc:ewvi7nxzyoun6zhxrhs64oiz", "app"),
    "k4dy5pugrkcarv7i3owc4pchfm",
  );
});

Deno.test("every repository and tag gives keys that a repo accepts", () => {
  fc.assert(fc.property(repository, tag, (repo, name) => {
    for (
      const rkey of [
        tagRkey(repo, name),
        tagRkeyAlternative(repo, name),
        statsRkey("did:web:a.example", repo),
      ]
    ) assert(isValidRecordKey(rkey), rkey);
  }));
});

Deno.test("the alternative key belongs to one repository and tag only", () => {
  fc.assert(fc.property(repository, tag, repository, tag, (r1, t1, r2, t2) => {
    const same = r1 === r2 && t1 === t2;
    assert.equal(
      tagRkeyAlternative(r1, t1) === tagRkeyAlternative(r2, t2),
      same,
    );
  }));
});

Deno.test("names whose first keys collide have different alternative keys", () => {
  assert.equal(tagRkey("a", "b_c"), tagRkey("a_b", "c"));
  assert.notEqual(
    tagRkeyAlternative("a", "b_c"),
    tagRkeyAlternative("a_b", "c"),
  );
});

Deno.test("statistics of two repositories never share a key", () => {
  fc.assert(fc.property(repository, repository, (r1, r2) => {
    const owner = "did:web:a.example";
    assert.equal(statsRkey(owner, r1) === statsRkey(owner, r2), r1 === r2);
  }));
});

Deno.test("a name without a valid key is refused with its name", () => {
  assert.throws(() => tagRkey("app", "a b"), (error) => {
    assert(isAppError(error, "NAME_INVALID"));
    assert.match(error.message, /app:a b/);
    return true;
  });
  assert.throws(() => tagRkey("a".repeat(513), "b"), /too long/);
});
