/**
 * `com.atproto.repo.uploadBlob`.
 *
 * @module
 */

import { MAX_BLOB_BYTES, type RepoBlobs } from "../../../lib/repo/blobs.ts";
import { readBody } from "../../read_body.ts";
import { method } from "../mount.ts";
import { type RepoAdmins, repoAdmins } from "./writes.ts";

const OCTETS = "application/octet-stream";

/** Stores a blob for a record that is written later. */
export function uploadBlob(deps: RepoAdmins & { readonly blobs: RepoBlobs }) {
  return method("com.atproto.repo.uploadBlob", {
    authorize: repoAdmins(deps),
    async handle({ c }) {
      const bytes = await readBody(c.req.raw, MAX_BLOB_BYTES, "blob");
      const [type = ""] = (c.req.header("content-type") ?? "").split(";");
      return { blob: await deps.blobs.upload(bytes, type.trim() || OCTETS) };
    },
  });
}
