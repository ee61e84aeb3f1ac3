/**
 * Removes the records of deleted manifests and of their tags from the owner's
 * repo. The index has already deleted them in one commit; a job removes the
 * remaining records at the rate that the PDS allows. Records written since,
 * here or elsewhere, stay.
 *
 * @module
 */

import { type Did } from "../../did.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { LeaseEnding } from "../../kv/held_lease.ts";
import {
  enqueue,
  planJob,
  type PlannedJob,
  withdraw,
} from "../../kv/jobs/jobs.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { type Digest } from "../../oci/digest.ts";
import type { OwnerRecords } from "../owners/owner_records.ts";
import type { RepositoryEvents } from "../repository_events.ts";
import type { ManifestRow, RemovalRow } from "../rows.ts";
import type { WriteLeases } from "../write_leases.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import { BATCH, RecordRemoval, type Removing } from "./record_removal.ts";
import { REMOVAL, type RemovalPayload } from "./removal_job.ts";

export interface ManifestRemovalDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  leases: WriteLeases;
  index: ManifestIndex;
  records: OwnerRecords;
  events: RepositoryEvents;
  session: (did: Did) => Promise<PdsSession | undefined>;
}

/**
 * Tags removed within the request: they fit into one commit of the PDS together
 * with the manifest.
 */
const MAX_AT_ONCE = 198;

/** Time for the request before the job may start, in milliseconds. */
const FIRST_MS = 60_000;

/** More tags than this are searched in the list of all of the owner's tags, 100 per request. */
const MAX_LOOKUPS = 50;

/** Pause between two batches, in which pushes to the repository can proceed, in milliseconds. */
const PAUSE_MS = 100;

/**
 * Maximum duration of a run; the job is continued by another run, so that other
 * jobs can proceed; in milliseconds.
 */
const RUN_MS = 30_000;

/** Share of the PDS's write limit that is reserved for the owner. */
const RESERVE = 0.2;

/** Retry time for a PDS that refuses writes without naming one, in seconds. */
const REFUSED_SECONDS = 300;

/** A deleted manifest whose records still exist. */
export interface BegunRemoval {
  readonly ref: RepoRef;
  readonly digest: Digest;
  readonly removal: RemovalRow;
  /** Removes the records if the request does not. */
  readonly job: PlannedJob;
}

/** Where the job continues, and when (milliseconds since the Unix epoch). */
interface Rest {
  readonly cursor?: string;
  readonly runAt: number;
}

/** Removes manifests from the owner's repo after they were deleted here. */
export class ManifestRemoval {
  readonly #deps: ManifestRemovalDeps;
  readonly #records: RecordRemoval;

  constructor(deps: ManifestRemovalDeps) {
    this.#deps = deps;
    this.#records = new RecordRemoval(deps);
  }

  /**
   * Deletes a manifest with all of its tags for every reader, in one commit that
   * releases the lease of `ending`; {@linkcode finish} does the rest. Call it
   * while holding the lease of the manifest. Throws AppError like
   * `Removals.begin`.
   */
  async begin(
    ref: RepoRef,
    digest: Digest,
    manifest: ManifestRow,
    ending: LeaseEnding,
  ): Promise<BegunRemoval> {
    const { index: { removals }, clock, events } = this.#deps;
    const job = this.#planned({ ...ref, digest }, clock.now() + FIRST_MS);
    const { holdDid } = manifest;
    const event = { ref, holdDid, at: clock.now(), tag: undefined, digest };
    const also = [
      ...job.rows,
      ...events.plan({ kind: "delete", ...event }),
    ];
    const removal = await removals.begin(ref, digest, manifest, also, ending);
    events.committed();
    return { ref, digest, removal, job };
  }

  /**
   * Removes the records of a deleted manifest and of its tags from the owner's
   * repo now or, if there are many tags or the PDS fails, by the job. Call it
   * while holding the lease of the manifest.
   */
  async finish(
    { ref, digest, removal, job }: BegunRemoval,
    session: PdsSession,
    lost: AbortSignal,
  ): Promise<void> {
    const { index: { removals }, kv, clock, log } = this.#deps;
    const removing = { ref, digest, removal, session, signal: lost };
    try {
      const tags = await removals.tags(ref, digest, removal, MAX_AT_ONCE + 1);
      if (tags.length > MAX_AT_ONCE) {
        await this.#goOn({ ...ref, digest }, { runAt: clock.now() });
        return;
      }
      await this.#records.atOnce(removing, MAX_AT_ONCE);
      await withdraw(kv, [job]);
    } catch (error) {
      // It is deleted; the job does the rest.
      log.warn("records of a deleted manifest not removed yet", {
        ...ref,
        digest,
        error,
      });
    }
  }

  /** Continues a removal; the handler of {@linkcode REMOVAL}. */
  async run(
    work: RemovalPayload,
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    const { index: { removals }, session: sessionOf, clock } = this.#deps;
    const { did, repo, digest, cursor } = work;
    const ref = { did, repo };
    const removal = (await removals.read(ref)).pending[digest];
    if (!removal) return;
    const session = await sessionOf(did);
    if (!session) {
      throw new AppError(
        "UNAUTHORIZED",
        `${did} has to sign in again before the records of deleted manifests can be removed from its PDS.`,
      );
    }
    const removing = { ref, digest, removal, session, signal };
    try {
      const rest = await this.#work(removing, cursor);
      if (rest) return await this.#goOn(work, rest);
    } catch (error) {
      if (!isAppError(error, "TOOMANYREQUESTS")) throw error;
      const seconds = error.retryAfterSeconds ?? REFUSED_SECONDS;
      const runAt = clock.now() + Math.max(1, seconds) * 1000;
      return await this.#goOn(work, { runAt });
    }
    await removals.end(ref, digest, removal);
  }

  async #work(
    removing: Removing,
    cursor: string | undefined,
  ): Promise<Rest | undefined> {
    const { index: { removals }, clock } = this.#deps;
    const { ref, digest, removal, signal } = removing;
    const until = clock.now() + RUN_MS;
    if (!removal.recordDone) await this.#records.manifest(removing);
    const few = await removals.tags(ref, digest, removal, MAX_LOOKUPS + 1);
    if (few.length > MAX_LOOKUPS) {
      const rest = await this.#removeListed(removing, cursor, until);
      if (rest) return rest;
    }
    // Tags missing in the list were deleted, were set elsewhere, or are listed incorrectly.
    for (;;) {
      signal.throwIfAborted();
      const tags = await removals.tags(ref, digest, removal, MAX_LOOKUPS);
      if (tags.length === 0) return undefined;
      await this.#records.lookedUp(removing, tags);
      const rest = this.#pause(removing, until);
      if (rest) return rest;
      await clock.sleep(PAUSE_MS, signal);
    }
  }

  /** Removes deleted tags found in the list of the owner's tags, page by page. */
  async #removeListed(
    removing: Removing,
    from: string | undefined,
    until: number,
  ): Promise<Rest | undefined> {
    const { signal } = removing;
    let cursor = from;
    for (;;) {
      signal.throwIfAborted();
      const { next, found } = await this.#records.listed(removing, cursor);
      if (next === undefined) return undefined;
      cursor = next;
      const rest = this.#pause(removing, until);
      if (rest) return { ...rest, cursor };
      if (found > 0) await this.#deps.clock.sleep(PAUSE_MS, signal);
    }
  }

  /**
   * Returns when to continue later, if the run has lasted long enough or the
   * PDS allows few more writes.
   */
  #pause({ session }: Removing, until: number): Rest | undefined {
    const now = this.#deps.clock.now();
    const budget = session.writeBudget;
    if (budget && budget.remaining - BATCH < budget.limit * RESERVE) {
      if (budget.resetsAt > now) return { runAt: budget.resetsAt };
    }
    return now < until ? undefined : { runAt: now };
  }

  async #goOn(
    { cursor: _, ...work }: RemovalPayload,
    { cursor, runAt }: Rest,
  ): Promise<void> {
    const { kv, clock } = this.#deps;
    const commit = kv.atomic();
    const next = { ...work, ...(cursor === undefined ? {} : { cursor }) };
    enqueue(commit, clock, REMOVAL, next, {
      dedupeKey: keyOf(work),
      runAt,
    });
    await commit.commit();
  }

  #planned(work: RemovalPayload, runAt: number): PlannedJob {
    const dedupeKey = keyOf(work);
    return planJob(this.#deps.clock, REMOVAL, work, { dedupeKey, runAt });
  }
}

function keyOf({ did, repo, digest }: RemovalPayload): string {
  return `${did} ${repo} ${digest}`;
}
