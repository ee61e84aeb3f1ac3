/**
 * `io.atcr.hold.initiateUpload`.
 *
 * @module
 */

import type { HoldCrew } from "../../../lib/hold/crew.ts";
import type { HoldUploads } from "../../../lib/hold/uploads/uploads.ts";
import { digestParts, parseDigest } from "../../../lib/oci/digest.ts";
import { type RightsDeps, writers } from "../callers.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";

/** Opens an upload for the caller, who joins the crew if the hold has `allowAllCrew`. */
export function initiateUpload(
  deps: RightsDeps & { crew: HoldCrew; uploads: HoldUploads },
) {
  return method("io.atcr.hold.initiateUpload", {
    authorize: writers(deps),
    async handle({ caller, input: { digest, ...known } }) {
      if (digest === "") refuse("The digest is empty.", "InvalidDigest");
      // If the digest is not known yet, clients send another name.
      const algorithm = /^sha(256|512):/.test(digest)
        ? digestParts(parseDigest(digest)).algorithm
        : "sha256";
      await deps.crew.ensure(caller);
      const { uploadId } = await deps.uploads.initiate(caller, {
        algorithm,
        ...known,
      });
      return { uploadId };
    },
  });
}
