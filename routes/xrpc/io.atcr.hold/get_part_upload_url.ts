/**
 * `io.atcr.hold.getPartUploadUrl`.
 *
 * @module
 */

import type { HoldUploads } from "../../../lib/hold/uploads/uploads.ts";
import { type RightsDeps, writers } from "../callers.ts";
import { method } from "../mount.ts";

/** Returns the URL to send a part to. */
export function getPartUploadUrl(deps: RightsDeps & { uploads: HoldUploads }) {
  return method("io.atcr.hold.getPartUploadUrl", {
    authorize: writers(deps),
    fieldErrors: { partNumber: "InvalidPartNumber" },
    handle: ({ caller, input: { uploadId, partNumber } }) =>
      deps.uploads.parts.url(uploadId, partNumber, caller),
  });
}
