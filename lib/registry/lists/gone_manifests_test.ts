/** Manifests that other services delete, found by lists of records. */

import assert from "node:assert/strict";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/open_kv.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { OwnerReader } from "../owners/owner_reader.ts";
import { manifestRow, referrerRow } from "../rows.ts";
import { HeardRows } from "../manifests/heard_rows.ts";
import { ManifestIndex } from "../manifests/manifest_index.ts";
import { OwnerNames } from "../manifests/owner_names.ts";
import { OwnerRepo, SHOWN, testGone } from "../manifests/testing_owner.ts";

const OWNER = identityOf(ALICE, { pds: "https://pds.example" });
const REF = { did: ALICE, repo: "app" } as const;
const SUBJECT = digestOf(new Uint8Array(1));
const RECHECK = 60_000;

/** An owner whose referrers of SUBJECT were pushed here. */
async function setUp(
  { isAt = () => true }: { isAt?: () => boolean } = {},
) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const index = new ManifestIndex(kv);
  const reader = new OwnerReader({
    ...{ log, pds: repo.reader, maxManifestBytes: 1_000 },
    hosting: { ...SHOWN, isAt: () => Promise.resolve(isAt()) },
  });
  const names = new OwnerNames({
    ...{ kv, clock, log, reader, index, heard: new HeardRows(kv) },
    ...{ defaultHold: HOLD, relistMs: 10 * RECHECK, maxRecords: 50_000 },
    gone: testGone({ kv, clock, reader, index }),
  });
  /** Pushes a referrer; returns its digest. */
  const push = async (name: string) => {
    const bytes = new TextEncoder().encode(JSON.stringify({
      ...{ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] },
      subject: { mediaType: OCI_INDEX, digest: SUBJECT, size: 1 },
      annotations: { name },
    }));
    const manifest = parseManifest(bytes, OCI_INDEX);
    const digest = digestOf(bytes);
    repo.records.set(`io.atcr.manifest/${manifestRkey(digest)}`, {
      ...{ $type: "io.atcr.manifest", repository: REF.repo, digest },
      ...{ mediaType: OCI_INDEX, schemaVersion: 2, holdDid: HOLD },
      createdAt: new Date(clock.now()).toISOString(),
    });
    const facts = { size: bytes.length, holdDid: HOLD, blob: undefined };
    const row = manifestRow(manifest, {
      ...facts,
      createdAt: clock.now(),
      rkey: undefined,
    });
    await index.put(REF, {
      ...{ digest, row, tags: [] },
      referrer: referrerRow(digest, row, manifest),
      removals: await index.removals.read(REF),
    });
    return digest;
  };
  const remove = (digest: string) =>
    repo.records.delete(`io.atcr.manifest/${manifestRkey(digest)}`);
  const referrers = async () => {
    const found = [];
    for await (const { digest } of index.referrers(REF, SUBJECT, {})) {
      found.push(digest);
    }
    return found;
  };
  const ensure = () => names.ensureReferrers(OWNER);
  return {
    ...{ clock, repo, names, push, remove, referrers, ensure },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("referrers that were deleted elsewhere leave the list within the recheck time", async () => {
  using t = await setUp();
  const [a, b, c] = [await t.push("a"), await t.push("b"), await t.push("c")];
  await t.ensure();
  assert.deepEqual(await t.referrers(), [a, b, c].sort());
  t.remove(b);
  t.clock.advance(RECHECK);
  await t.ensure();
  assert.deepEqual(await t.referrers(), [a, c].sort());
  t.remove(a);
  t.remove(c);
  t.clock.advance(RECHECK);
  await t.ensure();
  assert.deepEqual(await t.referrers(), [], "the last ones, too");
});

Deno.test("a PDS that the account has left takes no referrer away", async () => {
  let isAt = true;
  using t = await setUp({ isAt: () => isAt });
  const a = await t.push("a");
  await t.ensure();
  t.repo.records.clear();
  t.clock.advance(RECHECK);
  isAt = false;
  await t.ensure();
  assert.deepEqual(await t.referrers(), [a]);
});

Deno.test("a referrer that is pushed while the list is read stays without a question to the PDS", async () => {
  using t = await setUp();
  const a = await t.push("a");
  await t.ensure();
  t.clock.advance(RECHECK);
  let b = a;
  t.repo.beforeList = async () => {
    t.repo.beforeList = () => Promise.resolve();
    b = await t.push("b");
    t.remove(b);
  };
  await t.ensure();
  assert.deepEqual(await t.referrers(), [a, b].sort());
});

Deno.test("an event about a deleted manifest that is known has the manifests listed soon", async () => {
  using t = await setUp();
  const [a, b] = [await t.push("a"), await t.push("b")];
  await t.ensure();
  t.clock.advance(5_000);
  const { reads } = t.repo;
  await t.names.manifestDeleted(ALICE, "3kabc");
  await t.ensure();
  assert.equal(t.repo.reads, reads, "it is not known");
  t.remove(a);
  await t.names.manifestDeleted(ALICE, manifestRkey(a));
  await t.ensure();
  assert.deepEqual(await t.referrers(), [b]);
});
