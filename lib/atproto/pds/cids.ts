/**
 * CIDs of blobs and records, as PDSes name them (atproto data model, "Blob
 * Type").
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create as createMultihash } from "multiformats/hashes/digest";
import { z } from "zod";
import { AppError } from "../../errors.ts";

const CID_RAW = 0x55;
const SHA256 = 0x12;

/** The CID that `bytes` have as a blob of a repo. */
export function blobCid(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(bytes).digest();
  return CID.createV1(CID_RAW, createMultihash(SHA256, hash)).toString();
}

/**
 * The sha256 that the CID of a blob promises. Throws AppError `UPSTREAM_FAILED`
 * for the CID of anything else.
 */
export function blobHash(cid: string): Uint8Array {
  try {
    const { code, multihash } = CID.parse(cid);
    if (code === CID_RAW && multihash.code === SHA256) {
      return multihash.digest;
    }
  } catch (cause) {
    throw new AppError("UPSTREAM_FAILED", `${cid.slice(0, 100)} is no CID.`, {
      cause,
    });
  }
  throw new AppError(
    "UPSTREAM_FAILED",
    `${cid.slice(0, 100)} is not the CID of a blob.`,
  );
}

const commitOutput = z.object({
  results: z.array(z.object({ cid: z.string().optional() })).optional(),
});

/**
 * The CIDs in the response to `com.atproto.repo.applyWrites`, in the order of
 * the writes; undefined for deletes. None where the response has another form:
 * the writes are applied all the same.
 */
export function writtenCids(text: string): readonly (string | undefined)[] {
  try {
    const { results = [] } = commitOutput.parse(JSON.parse(text));
    return results.map(({ cid }) => cid);
  } catch {
    return [];
  }
}
