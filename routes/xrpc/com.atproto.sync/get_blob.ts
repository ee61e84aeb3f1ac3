/**
 * `com.atproto.sync.getBlob`.
 *
 * @module
 */

import type { RepoBlobs } from "../../../lib/repo/blobs.ts";
import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";

export interface GetBlobDeps extends RepoDeps {
  readonly blobs: RepoBlobs;
  /** Handles OCI digests instead of CIDs: the layers of the hold. */
  readonly ociBlob: (request: Request, digest: string) => Promise<Response>;
}

const OCI_DIGEST = /^sha(256|512):/;

/** Returns a blob of the repo, or a layer of the hold. */
export function getBlob(deps: GetBlobDeps) {
  return method("com.atproto.sync.getBlob", {
    intercept(c) {
      const { did, cid = "" } = c.req.query();
      if (!OCI_DIGEST.test(cid)) return undefined;
      if (did === undefined) refuse("The parameter did is missing.");
      return deps.ociBlob(c.req.raw, cid);
    },
    async handle({ c, params: { did, cid } }) {
      await requireServed(deps, did);
      const blob = await deps.blobs.open(cid, c.req.raw.signal);
      if (blob === undefined) {
        refuse(`There is no blob ${cid}.`, "BlobNotFound");
      }
      if (c.req.method === "HEAD") await blob.body.cancel();
      return new Response(c.req.method === "HEAD" ? "" : blob.body, {
        headers: {
          "content-type": blob.mimeType,
          "content-length": `${blob.size}`,
          // Uploaded content must not be executed with this host's origin.
          "x-content-type-options": "nosniff",
          "content-security-policy": "default-src 'none'; sandbox",
          "content-disposition": `attachment; filename="${cid}"`,
        },
      });
    },
  });
}
