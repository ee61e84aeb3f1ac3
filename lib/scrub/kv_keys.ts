/**
 * Where scrubs keep what in KV.
 *
 * @module
 */

import type { Key } from "../kv/kv.ts";

/** Up to where the running or interrupted scrub has come. */
export const progressKey: Key = ["scrub", "progress"];

/** What the last scrub that came to its end found. */
export const lastKey: Key = ["scrub", "last"];

/** Name of the lease under which one process scrubs. */
export const SCRUB_LEASE = "scrub";
