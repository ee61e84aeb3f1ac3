/**
 * `io.atcr.hold.completeUpload`.
 *
 * @module
 */

import type { HoldUploads } from "../../../lib/hold/uploads/uploads.ts";
import { parseDigest } from "../../../lib/oci/digest.ts";
import { type RightsDeps, writers } from "../callers.ts";
import { method } from "../mount.ts";
import { failingAs, requireAtMost } from "../refusals.ts";

/** Maximum parts of an upload to S3. */
const MAX_PARTS = 10_000;

/** Joins the parts of an upload to a blob after verifying its digest. */
export function completeUpload(deps: RightsDeps & { uploads: HoldUploads }) {
  const { uploads } = deps;
  return method("io.atcr.hold.completeUpload", {
    authorize: writers(deps),
    async handle({ caller, input: { uploadId, digest: text, parts } }) {
      requireAtMost(MAX_PARTS, parts, "parts");
      const digest = parseDigest(text);
      await uploads.requireOwner(uploadId, caller);
      await failingAs(
        "CompletionFailed",
        () => uploads.complete(uploadId, digest, parts),
      );
      return { status: "completed", digest };
    },
  });
}
