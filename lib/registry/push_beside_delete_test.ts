/** Pushes beside deletes of what they need, by two instances with one store. */

import assert from "node:assert/strict";
import { AppError, isAppError } from "../errors.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { ALICE, HOLD } from "../hold/testing.ts";
import { leaseKey } from "../kv/keys.ts";
import type { Kv } from "../kv/kv.ts";
import { openKv } from "../kv/open_kv.ts";
import { settle } from "../kv/testing.ts";
import { Metrics } from "../metrics.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { OCI_INDEX } from "../oci/media_types.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { BlobIndex } from "./blob_index.ts";
import { Blobs } from "./blobs.ts";
import { ManifestDeletion } from "./manifests/manifest_deletion.ts";
import { ManifestIndex } from "./manifests/manifest_index.ts";
import { ManifestPush } from "./manifests/manifest_push.ts";
import { ManifestRemoval } from "./manifests/manifest_removal.ts";
import { ManifestUses } from "./manifests/manifest_uses.ts";
import { OWNER, REF } from "./manifests/testing_manifests.ts";
import { OwnerRepo, testContent } from "./manifests/testing_owner.ts";
import { OwnerRecords } from "./owners/owner_records.ts";
import type { Owners } from "./owners/owners.ts";
import { UNHEARD } from "./repository_events.ts";
import { WriteLeases } from "./write_leases.ts";
import { nothingHidden } from "./owners/testing_hidden.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(JSON.stringify(value));

const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";

const LAYER = digestOf(encode("layer"));
const SIZE = 7;

interface Pushed {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

function imageOf(...layers: Digest[]): Pushed {
  const descriptorOf = (digest: Digest) => ({
    mediaType: "application/vnd.oci.image.layer.v1.tar",
    digest,
    size: SIZE,
  });
  return {
    contentType: OCI_MANIFEST,
    bytes: encode({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: descriptorOf(LAYER),
      layers: layers.map(descriptorOf),
    }),
  };
}

function indexOf(...children: Pushed[]): Pushed {
  return {
    contentType: OCI_INDEX,
    bytes: encode({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: children.map(({ bytes, contentType }) => ({
        mediaType: contentType,
        digest: digestOf(bytes),
        size: bytes.length,
      })),
    }),
  };
}

/** What one instance has; `during.check` runs in a delete of a blob after its last check. */
function instance(kv: Kv, clock: ManualClock, repo: OwnerRepo) {
  const during = { check: () => Promise.resolve() };
  const hold: Partial<HoldClient> = {
    did: HOLD,
    mayRead: (caller) =>
      Promise.resolve(
        caller === undefined
          ? { allowed: false, reason: "It is private.", code: "UNAUTHORIZED" }
          : { allowed: true },
      ),
    mayWrite: () => Promise.resolve({ allowed: true }),
    statMany: (_caller, digests) => Promise.resolve(digests.map(() => SIZE)),
    admitManifest: () => Promise.resolve(),
    manifestDeleted: () => Promise.resolve(),
    blobUnlinked: () => Promise.resolve(),
  };
  const holds = { get: () => Promise.resolve(hold as HoldClient) };
  const log = silentLogger;
  const leases = new WriteLeases(kv, clock);
  const index = new ManifestIndex(kv);
  const blobIndex = new BlobIndex(kv);
  const records = new OwnerRecords(repo.reader, clock);
  const content = testContent(kv, clock);
  const uses = new ManifestUses({
    kv,
    bytes: (_ref, digest) => content.get(digest),
    allowed: false,
  });
  const checked: Pick<ManifestUses, "requireBlobUnused"> = {
    requireBlobUnused: async (ref, blob, before) => {
      const state = await uses.requireBlobUnused(ref, blob, before);
      if (before) await during.check();
      return state;
    },
  };
  const owners: Pick<Owners, "holdForPush"> = {
    holdForPush: () => Promise.resolve(HOLD),
  };
  const parts = { kv, clock, log, leases, index, records, holds, uses };
  const push = new ManifestPush({
    ...parts,
    metrics: new Metrics(),
    owners: owners as Owners,
    content,
    blobs: blobIndex,
    deliveries: undefined,
    events: UNHEARD,
    allowMissingBlobs: false,
  });
  const blobs = new Blobs({
    ...{ ...parts, uses: checked },
    hidden: nothingHidden(holds),
    index: blobIndex,
    delivery: "proxy",
    directBytes: 0,
  });
  const session = () => Promise.resolve(repo.session);
  const removal = new ManifestRemoval({ ...parts, events: UNHEARD, session });
  const deletion = new ManifestDeletion({ ...parts, removal });
  return {
    during,
    put: (what: Pushed, ...tags: string[]) =>
      push.put(OWNER, REF.repo, repo.session, {
        ...what,
        digest: undefined,
        tags,
      }),
    link: () => blobIndex.prove(REF, HOLD, [{ digest: LAYER, size: SIZE }]),
    isLinked: async () => await blobIndex.first(REF, LAYER) !== undefined,
    unlink: () => blobs.unlink(REF, LAYER),
    remove: (what: Pushed) => {
      const digest = digestOf(what.bytes);
      return leases.hold(
        REF,
        { digest, tags: [] },
        (lost) => deletion.delete(REF, repo.session, digest, { lost }),
      );
    },
    has: async (what: Pushed) =>
      await index.manifest(REF, digestOf(what.bytes)) !== undefined,
  };
}

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const repo = new OwnerRepo();
  const [one, two] = [instance(kv, clock, repo), instance(kv, clock, repo)];
  await one.link();
  return {
    ...{ clock, kv, repo, one, two },
    /** "done", or the code of the error, while time passes. */
    outcome: async (work: Promise<unknown>) => {
      let result: string | undefined;
      work.then(
        () => result = "done",
        (error) => result = isAppError(error) ? error.code : String(error),
      );
      for (let i = 0; i < 4_000 && result === undefined; i++) {
        await settle(kv);
        clock.advance(25);
      }
      return result;
    },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a blob is not deleted while a manifest that names it is being pushed by another instance", async () => {
  using t = await setUp();
  let deleting: Promise<unknown> | undefined;
  t.repo.before = async () => {
    deleting ??= t.two.unlink();
    deleting.catch(() => {});
    await settle(t.kv);
  };
  const pushing = t.one.put(imageOf(LAYER), "latest");
  assert.equal(await t.outcome(pushing), "done");
  assert.ok(deleting);
  assert.equal(await t.outcome(deleting), "UNSUPPORTED");
  assert.ok(await t.one.isLinked());
});

Deno.test("a manifest is refused if another instance is deleting a blob that it names", async () => {
  using t = await setUp();
  let pushing: Promise<unknown> | undefined;
  t.two.during.check = async () => {
    pushing ??= t.one.put(imageOf(LAYER), "latest");
    pushing.catch(() => {});
    await settle(t.kv);
  };
  assert.equal(await t.outcome(t.two.unlink()), "done");
  assert.ok(pushing);
  assert.equal(await t.outcome(pushing), "MANIFEST_BLOB_UNKNOWN");
  assert.equal(await t.one.has(imageOf(LAYER)), false);
  assert.deepEqual(t.repo.rkeys("io.atcr.manifest"), []);
});

Deno.test("a child manifest is not deleted while an index that names it is being pushed by another instance", async () => {
  using t = await setUp();
  const image = imageOf(LAYER);
  assert.equal(await t.outcome(t.one.put(image)), "done");
  let deleting: Promise<unknown> | undefined;
  t.repo.before = async () => {
    deleting ??= t.two.remove(image);
    deleting.catch(() => {});
    await settle(t.kv);
  };
  assert.equal(await t.outcome(t.one.put(indexOf(image), "all")), "done");
  assert.ok(deleting);
  assert.equal(await t.outcome(deleting), "UNSUPPORTED");
  assert.ok(await t.one.has(image));
});

Deno.test("pushes to one repository do not wait for each other", async () => {
  using t = await setUp();
  let inner: string | undefined;
  t.repo.before = async () => {
    t.repo.before = () => Promise.resolve();
    let isDone = false;
    t.two.put(indexOf(), "inner").finally(() => isDone = true);
    // No time passes.
    for (let i = 0; i < 10 && !isDone; i++) await settle(t.kv);
    inner = isDone ? "done" : "waits";
  };
  assert.equal(await t.outcome(t.one.put(imageOf(LAYER), "outer")), "done");
  assert.equal(inner, "done");
});

Deno.test("a push whose instance died delays deletes only until its leases expire", async () => {
  using t = await setUp();
  const key = leaseKey(`registry/push/${ALICE}/${REF.repo} dead`);
  const expiresAt = t.clock.now() + 10_000;
  await t.kv.set(key, { owner: "dead" }, { expiresAt });
  const begin = t.clock.now();
  assert.equal(await t.outcome(t.one.unlink()), "done");
  assert.ok(t.clock.now() - begin >= 10_000);
  assert.ok(t.clock.now() - begin < 12_000);
});

Deno.test("a delete gives up with a reason while a push takes very long", async () => {
  using t = await setUp();
  const key = leaseKey(`registry/push/${ALICE}/${REF.repo} slow`);
  await t.kv.set(key, { owner: "slow" });
  let error: unknown;
  const work = t.one.unlink().catch((e) => error = e);
  assert.equal(await t.outcome(work), "done");
  assert.ok(error instanceof AppError && error.code === "UNAVAILABLE");
  assert.match(error.message, /push to this repository/);
  assert.ok(await t.one.isLinked());
});
