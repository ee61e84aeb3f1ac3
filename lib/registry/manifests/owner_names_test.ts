/** Lists of an owner's tags: large ones, and what other services delete. */

import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { AppError, isAppError } from "../../errors.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/open_kv.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { OwnerReader } from "../owners/owner_reader.ts";
import type { TagRow } from "../rows.ts";
import { HeardRows } from "./heard_rows.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { OwnerNames } from "./owner_names.ts";
import { OwnerRepo, SHOWN, testGone } from "./testing_owner.ts";

const OWNER: Identity = {
  did: ALICE,
  handle: "alice.test",
  pds: "https://pds.example",
  signingKey: undefined,
  services: {},
};
const REF = { did: ALICE, repo: "app" } as const;
const RECHECK = 60_000;
const DIGEST: Digest = digestOf(new Uint8Array(1));

/** An owner's repo that a test writes to like another service. */
async function setUp(
  { maxRecords = 50_000, isAt = () => true }: {
    maxRecords?: number;
    isAt?: () => boolean;
  } = {},
) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const index = new ManifestIndex(kv);
  const heard = new HeardRows(kv);
  const reader = new OwnerReader({
    ...{ log, pds: repo.reader, maxManifestBytes: 1_000 },
    hosting: { ...SHOWN, isAt: () => Promise.resolve(isAt()) },
  });
  const names = new OwnerNames({
    ...{ kv, clock, log, reader, index, heard, defaultHold: HOLD },
    gone: testGone({ kv, clock, reader, index }),
    ...{ relistMs: 10 * RECHECK, maxRecords },
  });
  const keyOf = (tag: string) => `io.atcr.tag/${tagRkey(REF.repo, tag)}`;
  const value = (tag: string, digest = DIGEST) =>
    writeTag({
      ...{ did: ALICE, repository: REF.repo, tag, digest },
      ...{ mediaType: OCI_INDEX, now: clock.now() },
    });
  const write = (tag: string) => {
    repo.records.set(keyOf(tag), value(tag));
  };
  /** A tag that was pushed here. */
  const push = async (tag: string) => {
    write(tag);
    const now = clock.now();
    const row: TagRow = {
      ...{ digest: DIGEST, mediaType: OCI_INDEX, size: 2, holdDid: HOLD },
      ...{ updatedAt: now, checkedAt: now, rkey: tagRkey(REF.repo, tag) },
    };
    const removals = await index.removals.read(REF);
    assert.ok(
      await index.tagChanges.set(REF, tag, row, undefined, removals),
    );
  };
  const tags = () => index.tagNames(REF, { limit: 100_000 });
  const ensure = () => names.ensureTags(OWNER);
  return {
    ...{ clock, repo, names, write, push, value, keyOf, tags, ensure },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("tags that were deleted elsewhere leave the list within the recheck time", async () => {
  using t = await setUp();
  for (const tag of ["a", "b", "c"]) t.write(tag);
  for (const tag of ["p", "q"]) await t.push(tag);
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a", "b", "c", "p", "q"]);
  for (const tag of ["b", "p"]) t.repo.records.delete(t.keyOf(tag));
  t.clock.advance(RECHECK);
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a", "c", "q"]);
  for (const tag of ["a", "c", "q"]) t.repo.records.delete(t.keyOf(tag));
  t.clock.advance(RECHECK);
  await t.ensure();
  assert.deepEqual(await t.tags(), [], "the last ones, too");
});

Deno.test("a PDS that the account has left takes no tag away", async () => {
  let isAt = true;
  using t = await setUp({ isAt: () => isAt });
  await t.push("a");
  await t.ensure();
  t.repo.records.clear();
  t.clock.advance(RECHECK);
  isAt = false;
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a"]);
});

Deno.test("a tag that is pushed while the list is read stays", async () => {
  using t = await setUp();
  await t.push("a");
  await t.ensure();
  t.clock.advance(RECHECK);
  t.repo.beforeList = async () => {
    t.repo.beforeList = () => Promise.resolve();
    await t.push("b");
    t.repo.records.delete(t.keyOf("b"));
  };
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a", "b"]);
});

Deno.test("more than 10,000 tags of another service are all listed, and deleted ones leave", async () => {
  using t = await setUp();
  const names = Array.from(
    { length: 10_500 },
    (_, i) => `t${String(i).padStart(5, "0")}`,
  );
  for (const name of names) t.write(name);
  assert.equal(await t.ensure(), "whole");
  assert.deepEqual(await t.tags(), names);
  // One in the part that is compared first, one in the last.
  for (const name of ["t10400", "t00003"]) {
    t.repo.records.delete(t.keyOf(name));
  }
  t.clock.advance(10 * RECHECK);
  await t.names.listTags(OWNER);
  const left = new Set(await t.tags());
  assert.equal(left.size, names.length - 2);
  assert.ok(!left.has("t10400") && !left.has("t00003"));
});

Deno.test("a list that takes long is continued, not begun again", async () => {
  using t = await setUp();
  for (let i = 0; i < 1_000; i++) t.write(`t${i}`);
  t.repo.beforeList = () => {
    t.clock.advance(20_000);
    return Promise.resolve();
  };
  assert.equal(await t.ensure(), "reading");
  const first = (await t.tags()).length;
  assert.ok(first > 0 && first < 1_000, `${first}`);
  for (let i = 0; i < 10; i++) {
    t.clock.advance(10_000);
    await t.names.listTags(OWNER);
  }
  assert.equal((await t.tags()).length, 1_000);
  t.repo.beforeList = () => Promise.resolve();
  assert.equal(await t.ensure(), "whole");
});

Deno.test("a list continues after a failure of the PDS, and begins again when the PDS refuses the place", async () => {
  using t = await setUp();
  for (let i = 0; i < 500; i++) t.write(`t${i}`);
  const fail = (code: "UNAVAILABLE" | "UPSTREAM_FAILED", after: number) => {
    let pages = 0;
    t.repo.beforeList = () =>
      ++pages > after
        ? Promise.reject(new AppError(code, "It fails."))
        : Promise.resolve();
  };
  fail("UNAVAILABLE", 2);
  await assert.rejects(t.ensure(), isAppError);
  assert.equal((await t.tags()).length, 200);
  t.clock.advance(10_000);
  fail("UPSTREAM_FAILED", 0);
  await assert.rejects(t.names.listTags(OWNER), isAppError);
  t.repo.beforeList = () => Promise.resolve();
  const { reads } = t.repo;
  t.clock.advance(RECHECK);
  await t.names.listTags(OWNER);
  assert.equal((await t.tags()).length, 500);
  assert.ok(t.repo.reads - reads >= 5, "from the beginning");
});

Deno.test("an owner with more records than are read is said to be cut", async () => {
  using t = await setUp({ maxRecords: 200 });
  for (let i = 0; i < 500; i++) t.write(`t${i}`);
  assert.equal(await t.ensure(), "cut");
  assert.equal((await t.tags()).length, 200);
});

Deno.test("an event about a tag that differs from ours has the tags listed again, others have not", async () => {
  using t = await setUp();
  await t.push("a");
  await t.push("b");
  await t.ensure();
  const rkey = (tag: string) => tagRkey(REF.repo, tag);
  t.clock.advance(5_000);
  const { reads } = t.repo;
  // What was pushed and deleted here.
  await t.names.tagChanged(ALICE, rkey("a"), t.value("a"));
  await t.names.tagChanged(ALICE, rkey("never"), undefined);
  await t.ensure();
  assert.equal(t.repo.reads, reads);
  t.repo.records.delete(t.keyOf("b"));
  await t.names.tagChanged(ALICE, rkey("b"), undefined);
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a"]);
  t.write("c");
  t.clock.advance(5_000);
  await t.names.tagChanged(ALICE, "3kabc", t.value("c"));
  await t.ensure();
  assert.deepEqual(await t.tags(), ["a", "c"]);
});
