/**
 * Asking a hold for many blobs at once.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import { MAX_MISSING } from "./hold_client.ts";

/** Questions under way at the same time. */
const MAX_PARALLEL = 16;

/**
 * What `sizeOf` answers for each of `digests`, in their order, several at a
 * time. Once {@linkcode MAX_MISSING} have no size the rest is not asked for and
 * has none either. Throws what `sizeOf` throws first, and the reason of `signal`.
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
