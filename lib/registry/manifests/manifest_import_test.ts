import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import { readManifest, readTag } from "../../atproto/records/records.ts";
import {
  writeManifest,
  writeTag,
} from "../../atproto/records/record_writers.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import { ALICE, BOB, HOLD } from "../../hold/testing.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { BlobIndex } from "../blob_index.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";
import { Discovery } from "./discovery.ts";
import { HeardRows } from "./heard_rows.ts";
import { ManifestImport } from "./manifest_import.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { manifestRow } from "../rows.ts";
import { OwnerNames } from "./owner_names.ts";
import { testContent } from "./testing_owner.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const identity = (
  did: Did,
): Identity => (identityOf(did, { pds: "https://pds.example" }));
const indexOf = (...children: { digest: Digest; size: number }[]) =>
  new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: children.map((child) => ({ ...child, mediaType: OCI_INDEX })),
  }));
const described = (bytes: Uint8Array) => ({
  digest: digestOf(bytes),
  size: bytes.length,
});

/** A registry for pushes, and owners' repos that other services write to. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new ManifestIndex(kv);
  const content = testContent(kv, clock);
  const records = new Map<string, Record<string, unknown>>();
  /** Blobs of the PDSes, by the digest of the manifest. */
  const stored = new Map<string, Uint8Array<ArrayBuffer>>();
  const reader: Partial<OwnerReader> = {
    record: ({ did }, collection, rkey) =>
      Promise.resolve(records.get(`${did}/${collection}/${rkey}`)),
    pages: async function* () {},
    manifestBytes: ({ did }, { digest }) =>
      Promise.resolve(stored.get(`${did} ${digest}`)),
  };
  const heard = new HeardRows(kv);
  const shared = {
    ...{ kv, clock, index, heard, content, log: silentLogger },
    ...{ reader: reader as OwnerReader, defaultHold: HOLD, relistMs: 600_000 },
    maxRecords: 50_000,
  };
  const discovery = new Discovery({
    ...shared,
    names: new OwnerNames({
      ...shared,
      gone: { remove: () => Promise.resolve(false) },
    }),
    imports: new ManifestImport({
      ...shared,
      blobs: new BlobIndex(kv),
      limits: new RateLimiter(kv, clock),
    }),
  });
  const record = (did: Did, repo: string, bytes: Uint8Array) => {
    const digest = digestOf(bytes);
    const value = writeManifest({
      repository: repo,
      digest,
      manifest: parseManifest(bytes, OCI_INDEX),
      holdDid: HOLD,
      manifestBlob: {
        $type: "blob",
        ref: {
          $link: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        },
        mimeType: OCI_INDEX,
        size: bytes.length,
      },
      createdAt: 0,
    });
    assert.ok(readManifest(value));
    records.set(`${did}/io.atcr.manifest/${manifestRkey(digest)}`, value);
  };
  const tag = (did: Did, repo: string, bytes: Uint8Array) => {
    const value = writeTag({
      did,
      repository: repo,
      tag: "x",
      digest: digestOf(bytes),
      mediaType: OCI_INDEX,
      now: 0,
    });
    assert.ok(readTag(value));
    records.set(`${did}/io.atcr.tag/${tagRkey(repo, "x")}`, value);
  };
  /** The rows of a push here. */
  const push = async (
    did: Did,
    repo: string,
    bytes: Uint8Array<ArrayBuffer>,
  ) => {
    const ref = { did, repo };
    const digest = digestOf(bytes);
    await content.put(digest, bytes);
    await index.put(ref, {
      digest,
      row: manifestRow(parseManifest(bytes, OCI_INDEX), {
        size: bytes.length,
        holdDid: HOLD,
        blob: undefined,
        createdAt: 0,
        rkey: undefined,
      }),
      tags: [],
      removals: await index.removals.read(ref),
    });
    record(did, repo, bytes);
    stored.set(`${did} ${digest}`, bytes);
  };
  return {
    index,
    discovery,
    record,
    tag,
    push,
    stored,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a record with the digest of another owner's manifest gives no access without the bytes", async () => {
  using t = await setUp();
  const secret = indexOf();
  const digest = digestOf(secret);
  await t.push(ALICE, "secret", secret);
  t.record(BOB, "steal", secret);
  t.tag(BOB, "steal", secret);
  const bob = identity(BOB);
  assert.equal(await t.discovery.findManifest(bob, "steal", digest), undefined);
  assert.equal(await t.discovery.findTag(bob, "steal", "x"), undefined);
  const ref = { did: BOB, repo: "steal" };
  assert.equal(await t.index.manifest(ref, digest), undefined);
  // An owner with the bytes proves it by the own PDS.
  t.stored.set(`${BOB} ${digest}`, secret);
  assert.ok(await t.discovery.findManifest(bob, "steal", digest));
});

Deno.test("an index gives access to manifests of other repositories when another service recorded it, not when it was pushed here", async () => {
  for (const pushed of [true, false]) {
    using t = await setUp();
    const secret = indexOf();
    const parent = indexOf(described(secret));
    await t.push(ALICE, "secret", secret);
    if (pushed) await t.push(ALICE, "app", parent);
    else {
      t.record(ALICE, "app", parent);
      t.stored.set(`${ALICE} ${digestOf(parent)}`, parent);
    }
    t.tag(ALICE, "app", parent);
    const alice = identity(ALICE);
    assert.ok(await t.discovery.findTag(alice, "app", "x"));
    const child = await t.discovery.findManifest(
      alice,
      "app",
      digestOf(secret),
    );
    assert.equal(child === undefined, pushed);
  }
});
