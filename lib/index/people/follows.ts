/**
 * Whom accounts follow, as far as it matters here: the public follow records in
 * the repo of an account that uses this registry, without those who do not.
 *
 * @module
 */

import { z } from "zod";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { type Did, didSchema, storedDidSchema } from "../../did.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Kv } from "../../kv/kv.ts";
import { peopleKeys } from "./kv_keys.ts";
import type { Stars } from "./stars.ts";
import type { IndexWatch } from "../watch.ts";

export interface FollowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly pds: Pick<PdsReader, "listRecords">;
  readonly stars: Pick<Stars, "list">;
  readonly watch: IndexWatch;
}

const account = z.object({ did: storedDidSchema });

/** Reads at its PDS whom an account follows and what it stars. */
export const OWN_RECORDS: JobKind<z.infer<typeof account>> = {
  name: "index.own_records",
  payload: account,
  maxAttempts: 6,
  concurrency: 2,
};

const COLLECTION = "app.bsky.graph.follow";
const followSchema = z.object({ subject: didSchema });

/** How long what was read counts, in milliseconds. */
const READ_MS = 86_400_000;
/** Pages of 100 records that are read of one account; the newest follows come first. */
const MAX_PAGES = 30;
/** Followed accounts that are kept: 32 bytes each, in one value of at most 64 KiB. */
const MAX_KEPT = 500;

/** What stands at `peopleKeys.follows`. */
const rowSchema = z.object({
  /** When it was asked for, in milliseconds since the Unix epoch. */
  askedAt: z.number(),
  dids: z.array(storedDidSchema),
});

/** Knows whom accounts follow. */
export class Follows {
  readonly #deps: FollowsDeps;

  constructor(deps: FollowsDeps) {
    this.#deps = deps;
  }

  /**
   * Accounts known here that `did` follows, the newest follow first, at most
   * 500. Asks no other server: what is older than a day is read again by a job.
   */
  async of(did: Did): Promise<readonly Did[]> {
    const { kv, clock, watch } = this.#deps;
    const entry = await kv.get(peopleKeys.follows(did));
    watch.rowsRead("follows", 1);
    const row = rowSchema.safeParse(entry?.value).data;
    const now = clock.now();
    if (row && isWithin(row.askedAt, READ_MS, now)) return row.dids;
    const dids = row?.dids ?? [];
    const commit = kv.atomic()
      .check(peopleKeys.follows(did), entry?.versionstamp ?? null)
      .set(peopleKeys.follows(did), { askedAt: now, dids });
    enqueue(commit, clock, OWN_RECORDS, { did }, { dedupeKey: did });
    // False: another request has just asked.
    await commit.commit();
    return dids;
  }

  /** Reads the records; the handler of {@linkcode OWN_RECORDS}. */
  async read(did: Did, signal: AbortSignal): Promise<void> {
    const { kv, clock, identities, stars } = this.#deps;
    const { pds } = await identities.resolve(did, { signal });
    if (pds === undefined) return;
    await stars.list({ did, pds });
    const dids = await this.#known(await this.#followed(pds, did, signal));
    await kv.set(peopleKeys.follows(did), { askedAt: clock.now(), dids });
  }

  async #followed(pds: string, did: Did, signal: AbortSignal): Promise<Did[]> {
    const found = new Set<Did>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.#deps.pds.listRecords(pds, did, COLLECTION, {
        limit: 100,
        signal,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { value } of answer.records) {
        const follow = followSchema.safeParse(value).data;
        if (follow) found.add(follow.subject);
      }
      ({ cursor } = answer);
      if (cursor === undefined || answer.records.length === 0) break;
    }
    found.delete(did);
    return [...found];
  }

  /** Those that were met here. */
  async #known(dids: readonly Did[]): Promise<Did[]> {
    const rows = await this.#deps.kv.getMany(dids.map(peopleKeys.actor));
    return dids.filter((_, i) => rows[i] !== undefined).slice(0, MAX_KEPT);
  }
}
