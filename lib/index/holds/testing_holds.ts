/**
 * Holds of a network that a test makes up.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { JobRunner } from "../../kv/jobs/job_runner.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { HOLD_CHECK, HoldHealth } from "./health.ts";
import { HoldRecords } from "./hold_records.ts";
import { CAPTAIN, CREW } from "./hold_rows.ts";
import { Holds } from "./holds.ts";
import type { Probe } from "./probe.ts";

export const CAPTAIN_RECORD = {
  $type: CAPTAIN,
  owner: "did:plc:captaincaptaincaptaincap",
  public: false,
  allowAllCrew: false,
  enableBlueskyPosts: false,
  deployedAt: "2026-01-01T00:00:00.000Z",
};

/** A crew record. */
export function crewRecord(
  member: Did,
  permissions: readonly string[] = ["blob:read", "blob:write"],
) {
  const addedAt = "2026-01-01T00:00:00.000Z";
  return { $type: CREW, member, role: "member", permissions, addedAt };
}

/** What a look finds that finds nothing wrong. */
export const WELL: Probe = {
  reachable: true,
  latencyMs: 12,
  version: "1.0",
  captain: undefined,
};

/** An interval of 15 minutes and answers that last as long. */
export const TIMES = { intervalMs: 900_000, cacheMs: 900_000 };

/** One instance, or another one over the same store. */
export async function startTestHolds(
  of: { clock: ManualClock; kv?: Kv } = { clock: new ManualClock() },
) {
  const { clock } = of;
  const kv = of.kv ?? await openKv(":memory:", clock);
  const log = silentLogger;
  const looks: { did: Did; at: number }[] = [];
  const state = {
    /** What a look at a hold finds. */
    probe: (_: Did): Probe | Promise<Probe> => WELL,
  };
  const health = new HoldHealth({
    ...{ kv, clock, log },
    times: TIMES,
    random: () => 0.5,
    onProbe: () => Promise.resolve(),
    probe: async (did) => {
      looks.push({ did, at: clock.now() });
      return await state.probe(did);
    },
  });
  const records = new HoldRecords({
    kv,
    watch: { ignored: () => {} },
    ownHold: "did:web:own.example.com",
    onHold: (hold, exists) => health.watch(hold, exists),
  });
  const jobs = new JobRunner({ kv, clock, log });
  jobs.register(HOLD_CHECK, health.run);
  let revisions = 0;
  const apply = (
    { did, collection = CAPTAIN, rkey, record, rev }: {
      did: Did;
      collection?: string;
      rkey: string;
      record: unknown;
      rev?: string | undefined;
    },
  ) =>
    records.apply({
      ...{ did, collection, rkey, record, cid: undefined, at: clock.now() },
      rev: rev ?? `3m${String(revisions++).padStart(11, "0")}`,
    });
  return {
    ...{ clock, kv, jobs, health, looks, state, apply },
    holds: new Holds({ kv, health, rowsRead: () => {} }),
    captain: (did: Did, record: unknown, rev?: string) =>
      apply({ did, rkey: "self", record, rev }),
    crew: (did: Did, rkey: string, record: unknown) =>
      apply({ did, collection: CREW, rkey, record }),
    /** Keys of the derived rows. */
    derived: async () => {
      const rows = kv.list({ prefix: ["index"] });
      return await Array.fromAsync(rows, ({ key }) => key.slice(2));
    },
    [Symbol.dispose]: () => {
      if (!of.kv) kv.close();
    },
  };
}
