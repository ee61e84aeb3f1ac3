import assert from "node:assert/strict";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { ALICE } from "../../hold/testing.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { registryKeys } from "../kv_keys.ts";
import { type RepositoryIndex, UNFOLLOWED } from "./repository_changes.ts";
import type { TagRow } from "../rows.ts";
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

Deno.test("a recheck that finds no difference stores only its time, and announces nothing", async () => {
  let announced = 0;
  const follower: RepositoryIndex = {
    ...UNFOLLOWED,
    add: () => Promise.resolve(void announced++),
  };
  using t = await startTestManifests(() => follower);
  await t.put("one", ["kept"]);
  const rows = async () => {
    const listed = t.kv.list<TagRow>({ prefix: ["registry"] });
    const all = await Array.fromAsync(listed);
    return new Map(
      all.map(({ key, versionstamp }) => [key.join(), versionstamp]),
    );
  };
  const before = await rows();
  const pushed = announced;
  t.clock.advance(120_000);
  await t.discovery.recheckTag(OWNER, "app", "kept");
  const after = await rows();
  const key = registryKeys.tag(ALICE, "app", "kept");
  const changed = [...after].filter(([name, stamp]) =>
    before.get(name) !== stamp
  );
  assert.deepEqual(changed.map(([name]) => name), [key.join()]);
  const entry = await t.kv.get<TagRow>(key);
  assert.equal(entry?.value.checkedAt, t.clock.now());
  assert.equal(announced, pushed);
});
