/**
 * Counting of blobs for people, in the commit that makes a blob readable.
 *
 * @module
 */

import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";

/** Counts blobs for one person. */
export interface BlobCounter {
  /**
   * Commits what `change` adds, with at most one check, together with the
   * count, and maybe with others that come at the same time. False when a check
   * failed; nothing is changed then.
   */
  commit(
    change: (to: Atomic) => void,
    blob: { digest: Digest; size: number },
  ): Promise<boolean>;
}
