import assert from "node:assert/strict";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { ALICE } from "../../hold/testing.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { OWNER, startTestManifests, TAG } from "./testing_manifests.ts";

Deno.test("a tag is gone when its delete returns, even during a recheck against the owner's repo", async () => {
  using t = await startTestManifests();
  await t.put("one", ["gone", "kept"]);
  t.clock.advance(120_000);
  t.repo.before = () => t.discovery.recheckTag(OWNER, "app", "gone");
  await t.removeTag("gone");
  assert.deepEqual(await t.tags(), ["kept"]);
  assert.equal(await t.at("gone"), undefined);
  assert.deepEqual(t.repo.rkeys(TAG), [tagRkey("app", "kept")]);
});

Deno.test("a recheck that read the record of a tag before its deletion does not restore it", async () => {
  using t = await startTestManifests();
  await t.put("one", ["gone", "kept"]);
  t.clock.advance(120_000);
  t.repo.afterGet = async () => {
    t.repo.afterGet = () => Promise.resolve();
    await t.removeTag("gone");
  };
  await t.discovery.recheckTag(OWNER, "app", "gone");
  assert.deepEqual(await t.tags(), ["kept"]);
  assert.equal(await t.at("gone"), undefined);
});

Deno.test("a tag pushed by another service is found while other tags of the repository are deleted", async () => {
  using t = await startTestManifests();
  const digest = await t.put("one", ["a", "b", "c"]);
  const value = writeTag({
    did: ALICE,
    repository: "app",
    tag: "elsewhere",
    digest,
    mediaType: OCI_INDEX,
    now: t.clock.now(),
  });
  t.repo.records.set(`${TAG}/${tagRkey("app", "elsewhere")}`, value);
  const left = ["a", "b"];
  t.repo.afterGet = async () => {
    const tag = left.shift();
    if (tag) await t.removeTag(tag);
  };
  assert.equal(await t.at("elsewhere"), digest);
  assert.deepEqual(left, []);
  assert.deepEqual(await t.tags(), ["c", "elsewhere"]);
});
