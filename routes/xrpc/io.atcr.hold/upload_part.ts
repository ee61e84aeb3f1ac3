/**
 * `io.atcr.hold.uploadPart`.
 *
 * @module
 */

import { quotedEtag } from "../../../lib/etag.ts";
import { TICKET_HEADER } from "../../../lib/hold/uploads/part_uploads.ts";
import type { HoldUploads } from "../../../lib/hold/uploads/uploads.ts";
import { requireAllowed, type RightsDeps, writers } from "../callers.ts";
import { method } from "../mount.ts";
import { failingAs } from "../refusals.ts";

/**
 * Receives the bytes of a part from the owner of the upload, or from the holder
 * of a ticket issued by `getPartUploadUrl`.
 */
export function uploadPart(deps: RightsDeps & { uploads: HoldUploads }) {
  const { uploads } = deps;
  const authorize = writers(deps);
  return method("io.atcr.hold.uploadPart", {
    otherVerbs: ["PUT"],
    async authorize(c, nsid) {
      const id = c.req.header("x-upload-id") ?? "";
      const ticket = c.req.header(TICKET_HEADER) ?? "";
      const holder = await uploads.parts.holder(id, ticket);
      if (holder !== undefined) {
        // A ticket must not outlive the right to push.
        requireAllowed(await deps.access.write(holder));
      } else await uploads.requireOwner(id, await authorize(c, nsid));
      return id;
    },
    async handle({ c, caller: id }) {
      const { body, signal } = c.req.raw;
      const number = Number(c.req.header("x-part-number") ?? NaN);
      const { etag } = await failingAs(
        "UploadFailed",
        () =>
          uploads.parts.put(id, number, body ?? new Blob().stream(), signal),
      );
      c.header("etag", quotedEtag(etag));
      return { etag };
    },
  });
}
