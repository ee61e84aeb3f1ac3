import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader, PdsSession } from "../../atproto/pds/pds.ts";
import { isAppError } from "../../errors.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { leaseKey } from "../../kv/keys.ts";
import { settle } from "../../kv/testing.ts";
import { Metrics } from "../../metrics.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import type { BlobIndex } from "../blob_index.ts";
import { testContent } from "./testing_owner.ts";
import type { HoldClient } from "../../hold_api/hold_client.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { ManifestPush } from "./manifest_push.ts";
import { OwnerRecords } from "../owners/owner_records.ts";
import type { Owners } from "../owners/owners.ts";
import { UNHEARD } from "../repository_events.ts";
import { WriteLeases } from "../write_leases.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const IDENTITY: Identity = identityOf(ALICE, {
  handle: "alice.test",
  pds: "https://pds.example",
});
const REF = { did: ALICE, repo: "app" } as const;

/** A push of one tag; `onCommit` runs while the owner's PDS commits. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new ManifestIndex(kv);
  const during = { commit: () => Promise.resolve() };
  const unused = () => Promise.reject(new Error("not used"));
  const session: PdsSession = {
    did: ALICE,
    pds: "https://pds.example",
    applyWrites: async () => {
      await during.commit();
      return [];
    },
    putRecord: unused,
    deleteRecord: unused,
    uploadBlob: (bytes, mimeType) =>
      Promise.resolve({
        $type: "blob",
        ref: {
          $link: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
        },
        mimeType,
        size: bytes.length,
      }),
    serviceToken: unused,
  };
  const hold: Partial<HoldClient> = {
    did: HOLD,
    mayWrite: () => Promise.resolve({ allowed: true }),
    admitManifest: () => Promise.resolve(),
  };
  const owners: Pick<Owners, "holdForPush"> = {
    holdForPush: () => Promise.resolve(HOLD),
  };
  const blobs: Pick<BlobIndex, "linked" | "missing"> = {
    linked: () => Promise.resolve([]),
    missing: () => Promise.resolve([]),
  };
  const pds: Partial<PdsReader> = {};
  const push = new ManifestPush({
    clock,
    leases: new WriteLeases(kv, clock),
    metrics: new Metrics(),
    holds: { get: () => Promise.resolve(hold as HoldClient) },
    owners: owners as Owners,
    index,
    content: testContent(kv, clock),
    blobs: blobs as BlobIndex,
    records: new OwnerRecords(pds as PdsReader, clock),
    deliveries: undefined,
    events: UNHEARD,
    allowMissingBlobs: false,
  });
  const put = (name: string) => {
    const text = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [],
      annotations: { name },
    });
    return push.put(IDENTITY, REF.repo, session, {
      bytes: new TextEncoder().encode(text),
      contentType: OCI_INDEX,
      digest: undefined,
      tags: ["latest"],
    });
  };
  return { clock, kv, index, during, put, [Symbol.dispose]: () => kv.close() };
}

Deno.test("a push delayed until another one took over does not undo it", async () => {
  using t = await setUp();
  const { digest } = await t.put("first");
  t.during.commit = async () => {
    // The lease has expired meanwhile, and another holder has it.
    await t.kv.set(leaseKey(`registry/tag/${ALICE}/app/latest`), {
      owner: "another",
    });
    t.clock.advance(10_000);
    await settle(t.kv);
  };
  await assert.rejects(
    t.put("second"),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  assert.equal((await t.index.tag(REF, "latest"))?.value.digest, digest);
});
