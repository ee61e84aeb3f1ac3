import assert from "node:assert/strict";
import { AppError } from "../../errors.ts";
import { ALICE } from "../../hold/testing.ts";
import { settle } from "../../kv/testing.ts";
import { digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import {
  bytesOf,
  HOUR_MS,
  OWNER,
  REF,
  startTestManifests,
  TAG,
} from "./testing_manifests.ts";

Deno.test("a manifest with few tags is gone from the index and from the owner's repo when its delete returns", async () => {
  using t = await startTestManifests();
  await t.put("kept", ["a"]);
  await t.put("gone", ["b", "c"]);
  await t.remove("gone");
  assert.deepEqual(await t.tags(), ["a"]);
  assert.equal(await t.at("b"), undefined);
  assert.deepEqual(t.repo.rkeys(TAG), [tagRkey("app", "a")]);
  assert.equal(t.repo.rkeys("io.atcr.manifest").length, 1);
  assert.equal(t.repo.commits.at(-1), 3, "one commit");
});

Deno.test("a manifest with many tags is gone for every reader before any of its records is removed", async () => {
  using t = await startTestManifests();
  await t.putMany("gone", "t", 450);
  await t.put("kept", ["kept"]);
  const before = t.repo.records.size;
  await t.remove("gone");
  assert.equal(t.repo.records.size, before);
  assert.deepEqual(await t.tags(), ["kept"]);
  assert.equal(await t.at("t0"), undefined);
  assert.equal(await t.at("t449"), undefined);
  await t.work();
  assert.deepEqual(t.repo.rkeys(TAG), [tagRkey("app", "kept")]);
  assert.equal(t.repo.rkeys("io.atcr.manifest").length, 1);
  assert.ok(Math.max(...t.repo.commits.slice(-5)) <= 200);
  assert.deepEqual(await t.tags(), ["kept"]);
  assert.deepEqual((await t.index.removals.read(REF)).pending, {});
});

Deno.test("lists and lookups at the owner's repo do not restore deleted tags while their records are removed", async () => {
  using t = await startTestManifests();
  await t.putMany("gone", "t", 300);
  await t.names.ensureTags(OWNER);
  await t.remove("gone");
  t.clock.advance(HOUR_MS);
  await t.names.ensureTags(OWNER);
  await settle(t.kv);
  assert.deepEqual(await t.tags(), []);
  assert.equal(await t.at("t7"), undefined);
  const digest = digestOf(bytesOf("gone"));
  assert.equal(
    await t.discovery.findManifest(OWNER, "app", digest),
    undefined,
  );
  assert.equal(await t.index.repository(REF) !== undefined, true);
});

Deno.test("content pushed while records are removed stays, in the index and in the owner's repo", async () => {
  using t = await startTestManifests();
  await t.putMany("gone", "t", 450);
  await t.remove("gone");
  let commits = 0;
  t.repo.before = async () => {
    // In the middle of the removal: some tags are removed already, others not yet.
    if (commits++ !== 1) return;
    const again = Promise.all([
      t.put("gone", ["t1", "t440"]),
      t.put("other", ["t2", "t441"]),
    ]);
    again.catch(() => {});
    await settle(t.kv);
  };
  await t.work(120_000);
  const gone = digestOf(bytesOf("gone"));
  const other = digestOf(bytesOf("other"));
  assert.deepEqual(await t.tags(), ["t1", "t2", "t440", "t441"]);
  for (const [tag, digest] of Object.entries({ t1: gone, t441: other })) {
    assert.equal(await t.at(tag), digest);
    const record = t.repo.records.get(`${TAG}/${tagRkey("app", tag)}`);
    assert.match(JSON.stringify(record), new RegExp(digest.slice(7)));
  }
  assert.equal(t.repo.rkeys(TAG).length, 4);
  assert.equal(t.repo.rkeys("io.atcr.manifest").length, 2);
});

Deno.test("a tag moved by another service while records are removed stays unchanged", async () => {
  using t = await startTestManifests();
  const other = await t.put("other", ["kept"]);
  await t.putMany("gone", "t", 300);
  await t.remove("gone");
  const moved = writeTag({
    did: ALICE,
    repository: "app",
    tag: "t5",
    digest: other,
    mediaType: OCI_INDEX,
    now: t.clock.now(),
  });
  t.repo.records.set(`${TAG}/${tagRkey("app", "t5")}`, moved);
  await t.work();
  assert.deepEqual(t.repo.rkeys(TAG), [
    tagRkey("app", "kept"),
    tagRkey("app", "t5"),
  ]);
  assert.equal(await t.at("t5"), other);
});

Deno.test("the removal reserves a share of the PDS's write limit for the owner, and continues when it is reset", async () => {
  using t = await startTestManifests();
  await t.putMany("gone", "t", 450);
  await t.remove("gone");
  const resetsAt = t.clock.now() + HOUR_MS;
  t.repo.budget = { limit: 1_000, remaining: 250, resetsAt };
  await t.work(HOUR_MS / 2);
  const left = t.repo.rkeys(TAG).length;
  assert.ok(left >= 300 && left < 450, String(left));
  assert.deepEqual(await t.tags(), []);
  t.repo.budget = undefined;
  await t.work(HOUR_MS);
  assert.deepEqual(t.repo.rkeys(TAG), []);
});

Deno.test("a PDS that refuses more writes is not called until its reset time", async () => {
  using t = await startTestManifests();
  await t.putMany("gone", "t", 250);
  await t.remove("gone");
  let refused = 0;
  t.repo.before = () => {
    refused++;
    return Promise.reject(
      new AppError("TOOMANYREQUESTS", "Later.", { retryAfterSeconds: 1800 }),
    );
  };
  await t.work(HOUR_MS / 2 - 60_000);
  assert.equal(refused, 1);
  t.repo.before = () => Promise.resolve();
  await t.work(HOUR_MS);
  assert.deepEqual(t.repo.rkeys(TAG), []);
});

Deno.test("a delete whose records cannot be removed is completed by the job", async () => {
  using t = await startTestManifests();
  await t.put("gone", ["a", "b"]);
  t.repo.before = () =>
    Promise.reject(new AppError("UNAVAILABLE", "It is down."));
  await t.remove("gone");
  assert.deepEqual(await t.tags(), []);
  assert.equal(t.repo.rkeys(TAG).length, 2);
  t.repo.before = () => Promise.resolve();
  await t.work(HOUR_MS);
  assert.equal(t.repo.records.size, 0);
});
