/**
 * Charges blobs to accounts in the commit that makes a blob readable.
 *
 * @module
 */

import type { BlobLink } from "../../hold_api/hold_client.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";

/** Charges blobs to one account. */
export interface BlobCounter {
  /**
   * Commits the mutations of `change`, with at most one check, together with
   * the charge, possibly grouped with concurrent ones. Returns false when a
   * check failed; nothing is changed then.
   */
  commit(
    change: (to: Atomic) => void,
    blob: { digest: Digest; size: number },
  ): Promise<boolean>;
}

/** A counter whose commits write the rows of `link` as well. */
export function withLink(
  counter: BlobCounter,
  link: BlobLink | undefined,
): BlobCounter {
  if (!link) return counter;
  return {
    commit: (change, blob) =>
      counter.commit((to) => {
        change(to);
        for (const { key, row } of link(blob.size)) to.set(key, row);
      }, blob),
  };
}
