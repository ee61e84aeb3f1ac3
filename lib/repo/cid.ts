/**
 * CIDs as this repo uses them: version 1, SHA-256, DAG-CBOR or raw, written in
 * base32 (data model, "CID formats"). Kept as strings; hashes of 32 bytes
 * stand in keys.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  CODEC_DCBOR,
  CODEC_RAW,
  fromDigest,
  fromString,
  toString,
} from "@atcute/cid";

/** CID of a DAG-CBOR block. */
export function cidOfBlock(bytes: Uint8Array): string {
  const hash = createHash("sha256").update(bytes).digest();
  return toString(fromDigest(CODEC_DCBOR, hash));
}

/** CID of raw bytes whose SHA-256 is `hash`. */
export function cidOfRaw(hash: Uint8Array): string {
  return toString(fromDigest(CODEC_RAW, hash));
}

/** The SHA-256 in a CID. Throws SyntaxError or RangeError when `cid` is none of ours. */
export function hashOfCid(cid: string): Uint8Array {
  return fromString(cid).digest.contents;
}

/** The bytes of a CID. Throws SyntaxError or RangeError when `cid` is none of ours. */
export function cidBytes(cid: string): Uint8Array {
  return fromString(cid).bytes;
}

/** Whether `text` is a CID that this repo could hold; a raw one (a blob) when `codec` says so. */
export function isCid(text: string, codec?: "raw"): boolean {
  try {
    const cid = fromString(text);
    return codec === undefined || cid.codec === CODEC_RAW;
  } catch {
    return false;
  }
}
