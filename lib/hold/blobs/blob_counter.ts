/**
 * Counting of blobs for people, in the commit that makes a blob readable.
 *
 * @module
 */

import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";

/** Counts blobs for one person. */
export interface BlobCounter {
  /** Commits `change` together with the count. False when a check failed. */
  commit(
    change: Atomic,
    blob: { digest: Digest; size: number },
  ): Promise<boolean>;
}
