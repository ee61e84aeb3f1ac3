/**
 * Keys of the key-value layer itself: leases, jobs, periodic tasks, rate limits
 * and chunks of large values.
 *
 * @module
 */

import type { Key, ListSelector } from "./kv.ts";

/** The holder of the lease `name`. */
export const leaseKey = (name: string): Key => ["kv", "lease", name];

/** All leases. */
export const leaseKeys = { prefix: ["kv", "lease"] as Key };

/** Exists while the process `id` is alive. */
export const instanceKey = (id: string): Key => ["kv", "instance", id];

/** Version of the rows: {@linkcode import("./operating/schema_version.ts").SchemaRow}. */
export const schemaKey: Key = ["kv", "schema"];

/** Exists while no instance may write. */
export const readOnlyKey: Key = ["kv", "read_only"];

/** The last backup: time and place. */
export const lastBackupKey: Key = ["kv", "backup"];

/** How far a copy into this store is. */
export const copyKey: Key = ["kv", "copy"];

/**
 * When the periodic task `name` was last started and finished, in milliseconds
 * since the Unix epoch.
 */
export const taskKey = (name: string): Key => ["kv", "chore", name];

/** Written and deleted to check that the store works. */
export const probeKey = (id: string): Key => ["kv", "probe", id];

/** Usage of a rate limit by `subject`. */
export const rateKey = (limit: string, subject: string): Key => [
  "kv",
  "rate",
  limit,
  subject,
];

/** Chunk `index` (from 0) of the large value `id`. */
export const chunkKey = (id: string, index: number): Key => [
  "kv",
  "chunk",
  id,
  index,
];

/** Marks the large value `id` as not yet finished. */
export const unfinishedKey = (id: string): Key => ["kv", "unfinished", id];

/** All marks of {@linkcode unfinishedKey}. */
export const unfinishedKeys: ListSelector = { prefix: ["kv", "unfinished"] };

/** The job itself. */
export const jobKey = (id: string): Key => ["kv", "job", id];

/** Index entry of the job `id`, due at `runAt`; sorted by time within a kind. */
export const dueKey = (kind: string, runAt: number, id: string): Key => [
  "kv",
  "job_due",
  kind,
  runAt,
  id,
];

/** Selects the jobs of `kind` due at `now` (milliseconds since the Unix epoch). */
export const dueKeys = (kind: string, now: number): ListSelector => ({
  prefix: ["kv", "job_due", kind],
  end: ["kv", "job_due", kind, now + 1],
});

/** A job that failed permanently. */
export const deadJobKey = (id: string): Key => ["kv", "job_dead", id];

/** All jobs that failed permanently. */
export const deadJobKeys: ListSelector = { prefix: ["kv", "job_dead"] };
