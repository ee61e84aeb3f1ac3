/**
 * Concurrent lookups of many blobs at a hold.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import { MAX_MISSING } from "./hold_client.ts";

/** Concurrent lookups. */
const MAX_PARALLEL = 16;

/**
 * Calls `sizeOf` for each of `digests` concurrently and returns the results in
 * order. Stops after {@linkcode MAX_MISSING} blobs without a size; the rest is
 * undefined then. Throws the first error of `sizeOf`, and the reason of
 * `signal`.
 */
export async function sizesOf(
  digests: readonly Digest[],
  sizeOf: (digest: Digest) => Promise<number | undefined>,
  signal?: AbortSignal,
): Promise<(number | undefined)[]> {
  const sizes: (number | undefined)[] = Array.from(digests, () => undefined);
  const queue = digests.entries();
  let missing = 0;
  let failed = false;
  const worker = async () => {
    for (const [i, digest] of queue) {
      if (missing >= MAX_MISSING || failed) return;
      signal?.throwIfAborted();
      const size = await sizeOf(digest);
      sizes[i] = size;
      if (size === undefined) missing++;
    }
  };
  const workers = Array.from(
    { length: Math.min(MAX_PARALLEL, digests.length) },
    () =>
      worker().catch((error) => {
        failed = true;
        throw error;
      }),
  );
  await Promise.all(workers);
  return sizes;
}
