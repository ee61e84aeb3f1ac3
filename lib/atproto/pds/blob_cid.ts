/**
 * The CID of a blob (atproto data model, "Blob Type").
 *
 * @module
 */

import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create as createMultihash } from "multiformats/hashes/digest";

const CID_RAW = 0x55;
const SHA256 = 0x12;

/** The CID that `bytes` have as a blob of a repo. */
export function blobCid(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(bytes).digest();
  return CID.createV1(CID_RAW, createMultihash(SHA256, hash)).toString();
}
