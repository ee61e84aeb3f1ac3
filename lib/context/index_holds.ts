/**
 * Builds what the index knows of holds.
 *
 * @module
 */

import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import type { Config } from "../config/config.ts";
import type { Did } from "../did.ts";
import { HOLD_CHECK, HoldHealth } from "../index/holds/health.ts";
import { HoldRecords } from "../index/holds/hold_records.ts";
import { CAPTAIN, SELF } from "../index/holds/hold_rows.ts";
import { Holds } from "../index/holds/holds.ts";
import {
  type OwnRecords,
  readOwnHold,
  rereadOwnHold,
} from "../index/holds/own_hold.ts";
import { type Probe, probeHold } from "../index/holds/probe.ts";
import type { JobRunner } from "../kv/jobs/job_runner.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import type { Platform } from "./platform.ts";

export interface IndexHoldsDeps extends Platform {
  config: Config;
  jobs: JobRunner;
  identities: IdentityResolver;
  pds: PdsReader;
  fetch: GuardedFetch;
  /** The repo of our own hold, where one runs here. */
  ownHold: OwnRecords | undefined;
  /** For images whose records name no hold. */
  defaultHold: Did;
}

/** What the index knows of holds. */
export interface IndexHolds {
  readonly holds: Holds;
  /** Takes captain and crew records of the network. */
  readonly records: HoldRecords;
  /** Makes the rows of our own hold again. */
  reread(): Promise<void>;
  /** Sees to it that our own hold and the default one are known. */
  settle(): Promise<void>;
  close(): void;
}

/** Builds it, and registers its job. */
export function createIndexHolds(deps: IndexHoldsDeps): IndexHolds {
  const { config, kv, clock, metrics, jobs, ownHold } = deps;
  const { check_interval_seconds, cache_ttl_seconds } = config.health;
  const health = new HoldHealth({
    ...deps,
    times: {
      intervalMs: check_interval_seconds * 1000,
      cacheMs: cache_ttl_seconds * 1000,
    },
    probe: (did, signal) => look(deps, did, signal),
    onProbe: async (did, probe) => {
      const outcome = probe.reachable ? "reachable" : "unreachable";
      metrics.holdChecks.inc({ outcome });
      if (!probe.reachable || !probe.captain) return;
      const { cid, value: record } = probe.captain;
      const place = { did, collection: CAPTAIN, rkey: SELF };
      const at = clock.now();
      await records.apply({ ...place, rev: undefined, cid, at, record });
    },
  });
  const records = new HoldRecords({
    kv,
    watch: metrics.index,
    ownHold: ownHold?.did,
    onHold: (hold, exists) => health.watch(hold, exists),
  });
  jobs.register(HOLD_CHECK, health.run);
  return {
    records,
    holds: new Holds({
      kv,
      health,
      rowsRead: metrics.index.rowsRead,
    }),
    settle: async () => {
      await health.watch(deps.defaultHold, true);
      if (!ownHold) return;
      await health.watch(ownHold.did, true);
      await readOwnHold(deps, ownHold);
    },
    reread: async () => {
      if (ownHold) await rereadOwnHold(deps, ownHold);
    },
    close: () => health.close(),
  };
}

/** Our own hold is here, whether or not we reach ourselves from outside. */
async function look(
  deps: IndexHoldsDeps,
  did: Did,
  signal: AbortSignal,
): Promise<Probe> {
  const found = await probeHold(deps, did, signal);
  if (found.reachable || did !== deps.ownHold?.did) return found;
  return {
    reachable: true,
    latencyMs: 0,
    version: undefined,
    captain: undefined,
  };
}
