/**
 * Pushes, finds and deletes manifests of one owner, for tests.
 *
 * @module
 */

import { ALICE, HOLD } from "../../hold/testing.ts";
import { JobRunner } from "../../kv/jobs/job_runner.ts";
import { settle } from "../../kv/testing.ts";
import { Metrics } from "../../metrics.ts";
import { digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { BlobIndex } from "../blob_index.ts";
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
import { ManifestDeletion } from "./manifest_deletion.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { ManifestPush } from "./manifest_push.ts";
import { ManifestRemoval } from "./manifest_removal.ts";
import { Manifests } from "./manifests.ts";
import { OwnerRepo, SHOWN, testContent, testGone } from "./testing_owner.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type {
  RepositoryEvent,
  RepositoryEvents,
} from "../repository_events.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { type RepositoryIndex, UNFOLLOWED } from "./repository_changes.ts";
import { openKv } from "../../kv/open_kv.ts";
import { REMOVAL } from "./removal_job.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { nothingHidden } from "../owners/testing_hidden.ts";

export const OWNER = identityOf(ALICE, {
  handle: "alice.test",
  pds: "https://pds.example",
});
export const REF = { did: ALICE, repo: "app" } as const;
export const TAG = "io.atcr.tag";
export const HOUR_MS = 3_600_000;

/** The bytes of a manifest with this name. */
export function bytesOf(name: string) {
  const annotations = { name };
  return new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [],
    annotations,
  }));
}

/** A registry with a manual clock and one owner. */
export async function startTestManifests(
  follow: (kv: Kv, clock: Clock) => RepositoryIndex = () => UNFOLLOWED,
) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const followers = follow(kv, clock);
  const log = silentLogger;
  const repo = new OwnerRepo();
  const pds = repo.reader;
  const index = new ManifestIndex(kv, followers);
  const content = testContent(kv, clock);
  const records = new OwnerRecords(pds, clock);
  const leases = new WriteLeases(kv, clock);
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
    gone: testGone({ kv, clock, reader, index }),
    relistMs: 10 * HOUR_MS,
    maxRecords: 50_000,
  });
  const discovery = new Discovery({
    ...{ kv, clock, log, reader, index, heard, names, content, imports },
  });
  const happened: RepositoryEvent[] = [];
  const events: RepositoryEvents = {
    plan: (event) => {
      const key = ["happened", happened.push(event)];
      return [{ key, row: event }];
    },
    committed: () => {},
  };
  const removal = new ManifestRemoval({
    events,
    ...{ kv, clock, log, leases, index, records, session },
  });
  const metrics = new Metrics();
  const deletion = new ManifestDeletion({
    ...{ log, holds, index, records, removal, leases },
    uses: { requireNoTaggedIndex: () => Promise.resolve({ version: null }) },
  });
  const manifests = new Manifests({
    events,
    ...{ clock, leases, log, metrics, holds, index, discovery },
    ...{ records, deletion, tagRecheckMs: 60_000 },
    recordCheck: {
      ended: 0,
      later: () => {},
      now: () => Promise.resolve(true),
    },
    hidden: nothingHidden(holds),
  });
  const owners: Pick<Owners, "holdForPush"> = {
    holdForPush: () => Promise.resolve(HOLD),
  };
  const blobs: Pick<BlobIndex, "linked" | "missing"> = {
    linked: () => Promise.resolve([]),
    missing: () => Promise.resolve([]),
  };
  const push = new ManifestPush({
    ...{ clock, leases, metrics, holds, index, content, records },
    owners: owners as Owners,
    blobs: blobs as BlobIndex,
    deliveries: undefined,
    events,
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
  const removeTag = (tag: string) => {
    const reference = { kind: "tag", tag } as const;
    return manifests.delete(OWNER, REF.repo, repo.session, reference);
  };
  const at = async (tag: string) => {
    const reference = { kind: "tag", tag } as const;
    const found = await manifests.resolve(OWNER, REF.repo, reference, ALICE)
      .catch(() => undefined);
    return found?.digest;
  };
  /** Runs jobs while time advances, until none is left or `ms` have passed. */
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
      removeTag,
      at,
      work,
    },
    /** Announced events, in the order of the commits. */
    events: async () => {
      const rows = kv.list<RepositoryEvent>({ prefix: ["happened"] });
      return await Array.fromAsync(rows, ({ value }) => value);
    },
    tags: () => index.tagNames(REF, { limit: 10_000 }),
    [Symbol.dispose]: () => kv.close(),
  };
}
