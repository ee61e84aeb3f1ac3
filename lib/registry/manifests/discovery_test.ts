import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import type { Identity } from "../../atproto/identity/identity.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { BlobIndex } from "../blob_index.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ListingRow } from "../rows.ts";
import { Discovery } from "./discovery.ts";
import { HeardRows } from "./heard_rows.ts";
import { ManifestImport } from "./manifest_import.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { OwnerNames } from "./owner_names.ts";
import { OwnerReader } from "../owners/owner_reader.ts";
import { OwnerRepo, SHOWN, testContent, testGone } from "./testing_owner.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { AppError, isAppError } from "../../errors.ts";
import { openKv } from "../../kv/open_kv.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const OWNER: Identity = identityOf(ALICE, {
  handle: "alice.test",
  pds: "https://pds.example",
});
const REF = { did: ALICE, repo: "app" } as const;
const RELIST = 600_000;
const MB = 1024 * 1024;

/** An owner's repo that a test writes to like another service. */
async function setUp({ maxCachedBytes = 100 * MB } = {}) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const index = new ManifestIndex(kv);
  const heard = new HeardRows(kv);
  const content = testContent(kv, clock, maxCachedBytes);
  const reader = new OwnerReader({
    ...{ log, pds: repo.reader, maxManifestBytes: 4 * MB, hosting: SHOWN },
  });
  const defaultHold = HOLD;
  const names = new OwnerNames({
    ...{ kv, clock, log, reader, index, heard, defaultHold },
    gone: testGone({ kv, clock, reader, index }),
    relistMs: 10 * RELIST,
    maxRecords: 50_000,
  });
  const discovery = new Discovery({
    ...{ kv, clock, log, reader, index, heard, names, content },
    imports: new ManifestImport({
      ...{ clock, reader, index, heard, content, defaultHold },
      blobs: new BlobIndex(kv),
      limits: new RateLimiter(kv, clock),
    }),
  });
  /** Writes a manifest with its record. */
  const record = (name: string, extra: Record<string, unknown> = {}) => {
    const bytes = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [],
      annotations: { name },
      ...extra,
    }));
    const digest = digestOf(bytes);
    const hash = createHash("sha256").update(bytes).digest();
    const cid = CID.createV1(0x55, create(0x12, hash)).toString();
    repo.blobs.set(cid, bytes);
    repo.records.set(`io.atcr.manifest/${manifestRkey(digest)}`, {
      repository: REF.repo,
      digest,
      mediaType: OCI_INDEX,
      ...extra,
      manifestBlob: {
        $type: "blob",
        ref: { $link: cid },
        mimeType: OCI_INDEX,
        size: bytes.length,
      },
    });
    return digest;
  };
  const write = (tag: string, digest: Digest = record(tag)) =>
    repo.records.set(
      `io.atcr.tag/${tagRkey(REF.repo, tag)}`,
      writeTag({
        did: ALICE,
        repository: REF.repo,
        tag,
        digest,
        mediaType: OCI_INDEX,
        now: clock.now(),
      }),
    );
  const tags = async () => {
    await names.ensureTags(OWNER);
    return await index.tagNames(REF, { limit: 100 });
  };
  /** The tags after the list that starts now has been read. */
  const tagsInTheEnd = async () => {
    await names.ensureTags(OWNER);
    const key = registryKeys.synced(ALICE, "io.atcr.tag");
    while ((await kv.get<ListingRow>(key))?.value.at !== clock.now()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return await index.tagNames(REF, { limit: 100 });
  };
  return {
    ...{ clock, kv, repo, index, content, discovery, names, record, write },
    ...{ tags, tagsInTheEnd },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("tags added by another service are known after a while, without constant listing", async () => {
  using t = await setUp();
  t.write("first");
  assert.deepEqual(await t.tags(), ["first"]);
  t.write("second");
  t.clock.advance(RELIST - 1);
  const { reads } = t.repo;
  assert.deepEqual(await t.tags(), ["first"]);
  assert.equal(t.repo.reads, reads);
  t.clock.advance(1);
  assert.deepEqual(await t.tagsInTheEnd(), ["first", "second"]);
});

Deno.test("a tag deleted while the tags are listed again is not restored", async () => {
  using t = await setUp();
  t.write("gone");
  await t.tags();
  const row = await t.discovery.findTag(OWNER, REF.repo, "gone");
  assert.ok(row);
  t.clock.advance(RELIST);
  t.repo.beforeList = async () => {
    const entry = await t.index.tag(REF, "gone");
    if (entry) await t.index.tagChanges.remove(REF, "gone", entry);
  };
  assert.deepEqual(await t.tagsInTheEnd(), []);
});

Deno.test("a list of tags and of referrers reads no bytes of manifests", async () => {
  using t = await setUp();
  const subject = t.record("subject");
  for (let i = 0; i < 250; i++) t.write(`t${i}`);
  const referrer = t.record("signature", {
    subject: { mediaType: OCI_INDEX, digest: subject, size: 1 },
  });
  await t.names.ensureTags(OWNER);
  await t.names.ensureReferrers(OWNER);
  const row = await t.names.repository(OWNER, REF.repo, subject);
  assert.equal(row?.holdDid, HOLD);
  assert.equal((await t.index.tagNames(REF, { limit: 1_000 })).length, 250);
  assert.deepEqual(t.repo.blobsRead, []);
  // One is read when it is requested.
  assert.equal((await t.discovery.findTag(OWNER, REF.repo, "t7"))?.size, 116);
  assert.equal(t.repo.blobsRead.length, 1);
  await t.discovery.readReferrers(OWNER, REF.repo, subject);
  const found = await Array.fromAsync(t.index.referrers(REF, subject));
  assert.deepEqual(found.map(({ digest }) => digest), [referrer]);
  assert.equal(t.repo.blobsRead.length, 2);
  await t.discovery.readReferrers(OWNER, REF.repo, subject);
  assert.equal(t.repo.blobsRead.length, 2);
});

Deno.test("a tag known only by name and without manifest is removed when it is requested", async () => {
  using t = await setUp();
  t.write("nowhere", digestOf(new Uint8Array(1)));
  assert.deepEqual(await t.tags(), ["nowhere"]);
  assert.equal(
    await t.discovery.findTag(OWNER, REF.repo, "nowhere"),
    undefined,
  );
  assert.deepEqual(await t.tags(), []);
});

Deno.test("manifests read from an owner's PDS are evicted beyond the limit, and read again", async () => {
  using t = await setUp({ maxCachedBytes: 100_000 });
  const digests: Digest[] = [];
  for (let i = 0; i < 40; i++) {
    t.write(`t${i}`);
    const row = await t.discovery.findTag(OWNER, REF.repo, `t${i}`);
    if (row) digests.push(row.digest);
    t.clock.advance(1);
  }
  assert.equal(await t.content.evict(), 19, "a quarter of the room stays");
  assert.equal(await t.content.evict(), 0);
  const [first] = digests;
  const last = digests.at(-1);
  assert.ok(first && last);
  assert.equal(await t.content.get(first), undefined);
  assert.ok(await t.content.get(last));
  assert.ok(await t.discovery.bytes(OWNER, REF.repo, first));
  assert.ok(await t.content.get(first));
});

Deno.test("a manifest pushed here after it was read from the PDS is kept permanently", async () => {
  using t = await setUp({ maxCachedBytes: 0 });
  for (const name of ["small", "large".repeat(20_000)]) {
    const digest = t.record(name);
    await t.discovery.findManifest(OWNER, REF.repo, digest);
    const bytes = await t.content.get(digest);
    const row = await t.index.manifest(REF, digest);
    assert.ok(bytes && row);
    const kept = t.content.row(digest, bytes);
    if (!kept) await t.content.put(digest, bytes);
    await t.index.put(REF, {
      ...{ digest, row, tags: [], pushed: true },
      removals: await t.index.removals.read(REF),
      also: kept ? [kept] : [],
    });
    assert.equal(await t.content.evict(), 0);
    assert.deepEqual(await testContent(t.kv, t.clock).get(digest), bytes);
  }
});

Deno.test("manifests of one owner are read at a limited rate", async () => {
  using t = await setUp();
  let refused = 0;
  for (let i = 0; i < 45; i++) {
    const digest = t.record(`${i}`.padEnd(3 * MB, "x"));
    await t.discovery.findManifest(OWNER, REF.repo, digest)
      .catch(() => refused++);
  }
  assert.ok(refused > 0 && refused <= 5, `${refused}`);
});

Deno.test("a client that has had too many lists gets that error alone, and those who read the same at that moment do not", async () => {
  using t = await setUp();
  for (let i = 0; i < 250; i++) t.write(`t${i}`, t.record("same"));
  const limited = () =>
    Promise.reject(new AppError("TOOMANYREQUESTS", "Too many from 192.0.2.1."));
  const allowed = () => Promise.resolve();
  const all = await Promise.allSettled([
    t.discovery.findTag(OWNER, REF.repo, "missing", limited),
    t.discovery.findTag(OWNER, REF.repo, "missing", allowed),
    t.discovery.findTag(OWNER, REF.repo, "missing", allowed),
  ]);
  const [first, ...others] = all;
  assert.ok(
    first.status === "rejected" && isAppError(first.reason, "TOOMANYREQUESTS"),
  );
  for (const one of others) assert.equal(one.status, "fulfilled");
});

Deno.test("each page of a list and each referrer counts towards the caller's limit, and is read only when admitted", async () => {
  using t = await setUp();
  for (let i = 0; i < 250; i++) t.write(`t${i}`, t.record("same"));
  let left = 2;
  const admit = () => {
    if (--left >= 0) return Promise.resolve();
    return Promise.reject(new AppError("TOOMANYREQUESTS", "Too many."));
  };
  const refused = (error: unknown) => isAppError(error, "TOOMANYREQUESTS");
  await assert.rejects(t.names.ensureTags(OWNER, admit), refused);
  await assert.rejects(
    t.discovery.findTag(OWNER, REF.repo, "missing", admit),
    refused,
  );
  left = 10;
  await t.names.ensureTags(OWNER, admit);
  assert.equal(left, 8, "the last page and the empty one after it count");
  const known = left;
  await t.names.ensureTags(OWNER, admit);
  assert.equal(left, known, "what is known was counted");

  const subject = t.record("subject");
  for (const name of ["a", "b"]) {
    t.record(name, {
      subject: { mediaType: OCI_INDEX, digest: subject, size: 1 },
    });
  }
  await t.names.ensureReferrers(OWNER);
  left = 1;
  await assert.rejects(
    t.discovery.readReferrers(OWNER, REF.repo, subject, admit),
    refused,
  );
  left = 10;
  await t.discovery.readReferrers(OWNER, REF.repo, subject, admit);
  assert.ok(left >= 8);
});
