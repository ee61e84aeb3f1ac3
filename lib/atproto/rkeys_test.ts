import assert from "node:assert/strict";
import { isValidRecordKey } from "@atproto/syntax";
import fc from "fast-check";
import { FUZZ } from "../../tests/support/fuzz.ts";
import { isTag, parseRepository } from "../oci/name.ts";
import {
  manifestRkey,
  pageRepository,
  pageRkey,
  statsRkey,
  tagRkey,
  tagRkeyAlternative,
} from "./rkeys.ts";

const repository = fc.stringMatching(
  /^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8}){0,2}(?:\/[a-z0-9]{1,8}){0,3}$/,
);
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/);

Deno.test("the key of a manifest is the hex of its digest", () => {
  const hex = "ab".repeat(32);
  assert.equal(manifestRkey(`sha256:${hex}`), hex);
});

Deno.test("the key of a tag names repository and tag", () => {
  assert.equal(tagRkey("team/app", "v1.2"), "team~app_v1.2");
  assert.equal(tagRkeyAlternative("team/app", "v1.2"), "team~app:v1.2");
});

Deno.test("every repository and tag makes valid record keys", () => {
  fc.assert(
    fc.property(repository, tag, (repo, name) => {
      assert.equal(parseRepository(repo), repo);
      assert.ok(isTag(name));
      for (
        const rkey of [
          tagRkey(repo, name),
          tagRkeyAlternative(repo, name),
          pageRkey(repo),
        ]
      ) {
        assert.ok(isValidRecordKey(rkey), rkey);
      }
    }),
    FUZZ,
  );
});

Deno.test("the other key of a tag belongs to one repository and tag only", () => {
  fc.assert(
    fc.property(repository, tag, repository, tag, (r1, t1, r2, t2) => {
      const same = r1 === r2 && t1 === t2;
      assert.equal(
        tagRkeyAlternative(r1, t1) === tagRkeyAlternative(r2, t2),
        same,
      );
    }),
    FUZZ,
  );
});

Deno.test("the key of a page gives the repository back", () => {
  fc.assert(
    fc.property(
      repository,
      (repo) => assert.equal(pageRepository(pageRkey(repo)), repo),
    ),
    FUZZ,
  );
});

Deno.test("the key of statistics is 26 base32 letters that depend on owner and repository", () => {
  const key = statsRkey("did:plc:alice", "app");
  assert.match(key, /^[a-z2-7]{26}$/);
  assert.equal(key, statsRkey("did:plc:alice", "app"));
  assert.notEqual(key, statsRkey("did:plc:alice", "app2"));
  assert.notEqual(key, statsRkey("did:plc:bob", "app"));
});
