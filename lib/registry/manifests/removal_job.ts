/**
 * The job that removes the records of a deleted manifest.
 *
 * @module
 */

import { z } from "zod";
import { storedDidSchema } from "../../did.ts";
import { type JobKind } from "../../kv/jobs/jobs.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";

const payload = z.object({
  did: storedDidSchema,
  repo: z.string(),
  digest: z.custom<Digest>((value) =>
    typeof value === "string" && isDigest(value)
  ),
  /** Cursor in the list of the owner's tags. */
  cursor: z.string().exactOptional(),
});

/** A removal to continue. */
export type RemovalPayload = z.infer<typeof payload>;

/**
 * Retries for about six weeks, in which the owner may sign in again: 10, 20 …
 * seconds apart, and then every hour. PDSes may be slow, so removals have slots
 * of their own.
 */
export const REMOVAL: JobKind<RemovalPayload> = {
  name: "registry.removal",
  payload,
  backoffMs: 10_000,
  maxBackoffMs: 3_600_000,
  maxAttempts: 1_000,
  concurrency: 4,
};
