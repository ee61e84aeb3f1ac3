/**
 * `io.atcr.hold.abortUpload`.
 *
 * @module
 */

import type { HoldUploads } from "../../../lib/hold/uploads/uploads.ts";
import { type RightsDeps, writers } from "../callers.ts";
import { method } from "../mount.ts";
import { failingAs } from "../refusals.ts";

/** Aborts an upload of the caller and frees its space. */
export function abortUpload(deps: RightsDeps & { uploads: HoldUploads }) {
  return method("io.atcr.hold.abortUpload", {
    authorize: writers(deps),
    async handle({ caller, input: { uploadId } }) {
      await deps.uploads.requireOwner(uploadId, caller);
      await failingAs("AbortFailed", () => deps.uploads.abort(uploadId));
      return { status: "aborted" };
    },
  });
}
