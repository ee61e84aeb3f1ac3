import assert from "node:assert/strict";
import { ManualClock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/deno_kv.ts";
import { JobRunner } from "../../kv/job_runner.ts";
import { settle } from "../../kv/testing.ts";
import { silentLogger } from "../../log.ts";
import { Metrics } from "../../metrics.ts";
import { digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { BlobIndex } from "../blob_index.ts";
import type { Blobs } from "../blobs.ts";
import type { HoldClient } from "../../hold_api/hold_client.ts";
import { OwnerReader } from "../owners/owner_reader.ts";
import { OwnerRecords } from "../owners/owner_records.ts";
import type { Owners } from "../owners/owners.ts";
import { WriteLeases } from "../write_leases.ts";
import { HeardRows } from "./heard_rows.ts";
import { OwnerNames } from "./owner_names.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import { Discovery } from "./discovery.ts";
import { ManifestImport } from "./manifest_import.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { ManifestPush } from "./manifest_push.ts";
import { ManifestRemoval, REMOVAL } from "./manifest_removal.ts";
import { Manifests } from "./manifests.ts";
import { OwnerRepo, SHOWN, testContent } from "./testing_owner.ts";

const OWNER = {
  did: ALICE,
  handle: "alice.test",
  pds: "https://pds.example",
  signingKey: undefined,
  services: {},
};
const REF = { did: ALICE, repo: "app" } as const;
const TAG = "io.atcr.tag";
const HOUR_MS = 3_600_000;

function bytesOf(name: string) {
  const annotations = { name };
  return new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [],
    annotations,
  }));
}

/** A registry whose time moves when a test says so, with one owner. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const pds = repo.reader;
  const index = new ManifestIndex(kv);
  const content = testContent(kv, clock);
  const records = new OwnerRecords(pds);
  const leases = new WriteLeases(kv, clock, index.removals);
  const session = () => Promise.resolve(repo.session);
  const holds = {
    get: () =>
      Promise.resolve<Partial<HoldClient>>({
        did: HOLD,
        mayRead: () => Promise.resolve({ allowed: true }),
        mayWrite: () => Promise.resolve({ allowed: true }),
        admitManifest: () => Promise.resolve(),
        manifestDeleted: () => Promise.resolve(),
      }).then((hold) => hold as HoldClient),
  };
  const reader = new OwnerReader({
    ...{ log, pds, maxManifestBytes: 1_000_000, hosting: SHOWN },
  });
  const heard = new HeardRows(kv);
  const defaultHold = HOLD;
  const imports = new ManifestImport({
    ...{ clock, reader, index, heard, content, defaultHold },
    blobs: new BlobIndex(kv),
    limits: new RateLimiter(kv, clock),
  });
  const names = new OwnerNames({
    ...{ kv, clock, log, reader, index, heard, defaultHold },
    relistMs: HOUR_MS,
  });
  const discovery = new Discovery({
    ...{ kv, clock, log, reader, index, heard, names, content, imports },
  });
  const removal = new ManifestRemoval({
    ...{ kv, clock, log, leases, index, records, session },
  });
  const metrics = new Metrics();
  const manifests = new Manifests({
    uses: { requireNoTaggedIndex: () => Promise.resolve() },
    ...{ clock, leases, log, metrics, holds, index, discovery },
    ...{ records, removal, tagRecheckMs: 60_000 },
    recordCheck: { later: () => {} },
    hidden: { requireNoneHidden: () => Promise.resolve() },
  });
  const owners: Pick<Owners, "holdForPush"> = {
    holdForPush: () => Promise.resolve(HOLD),
  };
  const blobs: Pick<Blobs, "linked" | "missing"> = {
    linked: () => Promise.resolve([]),
    missing: () => Promise.resolve([]),
  };
  const push = new ManifestPush({
    ...{ clock, leases, metrics, holds, index, content, records },
    owners: owners as Owners,
    blobs: blobs as Blobs,
    notices: undefined,
    allowMissingBlobs: false,
  });
  const jobs = new JobRunner({ kv, clock, log });
  jobs.register(REMOVAL, (work, run) => removal.run(work, run));
  const put = async (name: string, tags: readonly string[]) => {
    const { digest } = await push.put(OWNER, REF.repo, repo.session, {
      bytes: bytesOf(name),
      contentType: OCI_INDEX,
      digest: undefined,
      tags,
    });
    return digest;
  };
  const putMany = async (name: string, prefix: string, count: number) => {
    for (let i = 0; i < count; i += 50) {
      const names = Array.from(
        { length: Math.min(50, count - i) },
        (_, j) => `${prefix}${i + j}`,
      );
      await put(name, names);
    }
  };
  const remove = (name: string) => {
    const digest = digestOf(bytesOf(name));
    const reference = { kind: "digest", digest } as const;
    return manifests.delete(OWNER, REF.repo, repo.session, reference);
  };
  const at = async (tag: string) => {
    const reference = { kind: "tag", tag } as const;
    const found = await manifests.resolve(OWNER, REF.repo, reference, ALICE)
      .catch(() => undefined);
    return found?.digest;
  };
  /** Does the jobs as time goes by, until none is left or `ms` are over. */
  const work = async (ms = 60_000) => {
    const end = clock.now() + ms;
    const waiting = async () => {
      for await (const _ of kv.list({ prefix: ["kv", "job"] })) return true;
      return false;
    };
    while (clock.now() < end && await waiting()) {
      let done = false;
      const run = jobs.runDue(1).finally(() => done = true);
      while (!done) {
        await settle(kv);
        clock.advance(100);
      }
      await run;
      clock.advance(1_000);
    }
  };
  return {
    ...{
      clock,
      kv,
      repo,
      index,
      discovery,
      names,
      put,
      putMany,
      remove,
      at,
      work,
    },
    tags: () => index.tagNames(REF, { limit: 10_000 }),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a manifest with few tags is gone from the index and from the owner's repo when its delete returns", async () => {
  using t = await setUp();
  await t.put("kept", ["a"]);
  await t.put("gone", ["b", "c"]);
  await t.remove("gone");
  assert.deepEqual(await t.tags(), ["a"]);
  assert.equal(await t.at("b"), undefined);
  assert.deepEqual(t.repo.rkeys(TAG), [tagRkey("app", "a")]);
  assert.equal(t.repo.rkeys("io.atcr.manifest").length, 1);
  assert.equal(t.repo.commits.at(-1), 3, "one commit");
});

Deno.test("a manifest with many tags is gone for every reader before one of its records is removed", async () => {
  using t = await setUp();
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

Deno.test("lists and look-ups at the owner's repo do not bring deleted tags back while their records are removed", async () => {
  using t = await setUp();
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

Deno.test("what is pushed while records are removed stays, in the index and in the owner's repo", async () => {
  using t = await setUp();
  await t.putMany("gone", "t", 450);
  await t.remove("gone");
  let commits = 0;
  t.repo.before = async () => {
    // In the middle of the removal: some tags are gone already, others not yet.
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

Deno.test("a tag that another service moves while records are removed stays as it is", async () => {
  using t = await setUp();
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

Deno.test("the removal leaves the owner a part of what the PDS allows, and goes on when it allows more", async () => {
  using t = await setUp();
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

Deno.test("a PDS that refuses more writes is left alone for as long as it says", async () => {
  using t = await setUp();
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

Deno.test("a delete whose records cannot be removed is finished by the job", async () => {
  using t = await setUp();
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
