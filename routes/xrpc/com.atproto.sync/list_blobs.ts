/**
 * `com.atproto.sync.listBlobs`.
 *
 * @module
 */

import type { RepoBlobs } from "../../../lib/repo/blobs.ts";
import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";

/** Lists the blobs that records of the repo refer to. */
export function listBlobs(deps: RepoDeps & { readonly blobs: RepoBlobs }) {
  return method("com.atproto.sync.listBlobs", {
    async handle({ params: { did, ...options } }) {
      await requireServed(deps, did);
      return await deps.blobs.list(options);
    },
  });
}
