/**
 * KV keys of scrubs.
 *
 * @module
 */

import type { Key } from "../kv/kv.ts";

/** Progress of the running or interrupted scrub. */
export const progressKey: Key = ["scrub", "progress"];

/** Report of the last completed scrub. */
export const lastKey: Key = ["scrub", "last"];

/** Name of the lease under which one process scrubs. */
export const SCRUB_LEASE = "scrub";
