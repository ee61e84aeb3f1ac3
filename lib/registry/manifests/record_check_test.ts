import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import { writeManifest } from "../../atproto/records/record_writers.ts";
import type { Reference } from "../../oci/name.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import { AppError, isAppError } from "../../errors.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { settle } from "../../kv/testing.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { WriteLeases } from "../write_leases.ts";
import { GoneManifests } from "../lists/gone_manifests.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { manifestRow } from "../rows.ts";
import { RecordCheck } from "./record_check.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const OWNER: Identity = identityOf(ALICE, { pds: "https://pds.example" });
const REF = { did: ALICE, repo: "app" } as const;
const BYTES = new TextEncoder().encode(
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }),
);
const DIGEST = digestOf(BYTES);
const MANIFEST = parseManifest(BYTES, OCI_INDEX);
const INTERVAL_MS = 60_000;

/** A manifest with tags whose record is at `rkey`, if anywhere. */
async function setUp(rkey?: string) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new ManifestIndex(kv);
  const value = writeManifest({
    repository: "another",
    digest: DIGEST,
    manifest: MANIFEST,
    holdDid: HOLD,
    manifestBlob: {
      $type: "blob",
      ref: {
        $link: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
      },
      mimeType: OCI_INDEX,
      size: BYTES.length,
    },
    createdAt: 0,
  });
  const records = new Map([[rkey ?? manifestRkey(DIGEST), value]]);
  const pds = { shown: true, down: false, asked: 0 };
  const tags: string[] = [];
  const gone = new GoneManifests({
    kv,
    log: silentLogger,
    leases: new WriteLeases(kv, clock),
    reader: {
      record: (_owner, _collection, key) => {
        pds.asked++;
        return pds.down
          ? Promise.reject(new AppError("UNAVAILABLE", "It is down."))
          : Promise.resolve(records.get(key));
      },
      isAt: () => Promise.resolve(pds.shown),
    },
    index,
  });
  const check = new RecordCheck({
    clock,
    log: silentLogger,
    gone,
    discovery: {
      recheckTag: (_owner, _repo, tag) => {
        tags.push(tag);
        return Promise.resolve();
      },
    },
    intervalMs: INTERVAL_MS,
  });
  const row = manifestRow(MANIFEST, {
    size: BYTES.length,
    holdDid: HOLD,
    blob: undefined,
    createdAt: 0,
    rkey,
  });
  await index.put(REF, {
    digest: DIGEST,
    row,
    tags: ["a", "b"].map((tag) => ({
      tag,
      row: {
        digest: DIGEST,
        mediaType: OCI_INDEX,
        size: BYTES.length,
        holdDid: HOLD,
        updatedAt: 0,
        checkedAt: 0,
        rkey: `app_${tag}`,
      },
    })),
    removals: await index.removals.read(REF),
  });
  const isKnown = async () => {
    const known = await index.manifest(REF, DIGEST) !== undefined;
    const tags = await index.tagNames(REF, { limit: 10 });
    assert.deepEqual(tags, known ? ["a", "b"] : []);
    return known;
  };
  return {
    clock,
    kv,
    index,
    records,
    pds,
    later: (knownSince: number) =>
      check.later(OWNER, "app", DIGEST, knownSince),
    check: () => gone.check(OWNER, "app", DIGEST),
    now: (reference: Reference, seen?: number) =>
      check.now(OWNER, "app", DIGEST, reference, seen),
    ended: () => check.ended,
    tags,
    isKnown,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a manifest stays while its record exists, under any key and for any repository", async () => {
  for (const rkey of [undefined, "3l5aaaaaaaa22"]) {
    using t = await setUp(rkey);
    await t.check();
    assert.ok(await t.isKnown());
  }
});

Deno.test("a manifest whose record is deleted is removed from the index with its tags", async () => {
  using t = await setUp();
  t.records.clear();
  await t.check();
  assert.ok(!await t.isKnown());
  await t.check();
});

Deno.test("a record of another manifest under the key proves nothing", async () => {
  using t = await setUp();
  for (const value of t.records.values()) {
    value["digest"] = digestOf(new Uint8Array(1));
  }
  await t.check();
  assert.ok(!await t.isKnown());
});

Deno.test("a manifest stays when the PDS is unreachable or the account is inactive", async () => {
  using t = await setUp();
  t.records.clear();
  t.pds.down = true;
  await assert.rejects(t.check(), (error) => isAppError(error, "UNAVAILABLE"));
  assert.ok(await t.isKnown());
  t.pds.down = false;
  t.pds.shown = false;
  await t.check();
  assert.ok(await t.isKnown());
});

Deno.test("reads trigger the check in the background, at most once per interval", async () => {
  using t = await setUp();
  const pushedAt = t.clock.now();
  t.later(pushedAt);
  t.clock.advance(INTERVAL_MS - 1);
  t.later(pushedAt);
  await settle(t.kv);
  assert.equal(t.pds.asked, 0);
  t.clock.advance(1);
  t.records.clear();
  for (let i = 0; i < 5; i++) t.later(pushedAt);
  while (await t.index.manifest(REF, DIGEST)) await settle(t.kv);
  assert.equal(t.pds.asked, 2);
});

Deno.test("an immediate check includes the tag, and changes nothing while the PDS is down", async () => {
  using t = await setUp();
  t.records.clear();
  t.pds.down = true;
  await t.now({ kind: "digest", digest: DIGEST });
  assert.ok(await t.isKnown());
  assert.deepEqual(t.tags, []);
  t.pds.down = false;
  await t.now({ kind: "tag", tag: "a" });
  assert.ok(!await t.isKnown());
  assert.deepEqual(t.tags, ["a"]);
});

Deno.test("the first read of an old manifest after a start triggers a check", async () => {
  using t = await setUp();
  t.records.clear();
  t.later(t.clock.now() - INTERVAL_MS);
  while (await t.index.manifest(REF, DIGEST)) await settle(t.kv);
});

Deno.test("concurrent clients share one check for a moment", async () => {
  using t = await setUp();
  const ask = () => t.now({ kind: "tag", tag: "a" });
  await Promise.all([ask(), ask(), ask()]);
  await ask();
  assert.deepEqual(t.tags, ["a"]);
  t.records.clear();
  t.clock.advance(100);
  await ask();
  assert.deepEqual(t.tags, ["a", "a"]);
  assert.ok(!await t.isKnown());
});

Deno.test("the index is read again after a check, unless it was read after the check", async () => {
  using t = await setUp();
  const ask = (seen: number) => t.now({ kind: "tag", tag: "a" }, seen);
  const before = t.ended();
  assert.ok(await ask(before));
  assert.ok(await ask(before));
  assert.ok(!await ask(t.ended()));
  const other = { kind: "digest", digest: DIGEST } as const;
  assert.ok(await t.now(other, t.ended()));
  t.clock.advance(100);
  assert.ok(await ask(t.ended()));
});
