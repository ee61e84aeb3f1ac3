/**
 * CIDs as this repo uses them: version 1, SHA-256, DAG-CBOR or raw, written in
 * base32 (data model, "CID formats"). Represented as strings; keys contain the
 * hashes of 32 bytes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { code as DAG_CBOR } from "@ipld/dag-cbor";
import { base32 } from "multiformats/bases/base32";
import { CID } from "multiformats/cid";
import { code as RAW } from "multiformats/codecs/raw";
import { Digest } from "multiformats/hashes/digest";

const VERSION = 1;

/** Multihash code and length of SHA-256. */
const SHA256 = 0x12;
const SHA256_BYTES = 32;

/** Version, codec, hash function and length precede the hash, a byte each. */
const HEAD_BYTES = 4;

/** The only accepted spelling: the library also reads capitals and other bases. */
const BASE32 = /^b[a-z2-7]{58}$/;

/** CID of a DAG-CBOR block. */
export function cidOfBlock(bytes: Uint8Array): string {
  return textOf(DAG_CBOR, createHash("sha256").update(bytes).digest());
}

/** CID of raw bytes whose SHA-256 is `hash`. */
export function cidOfRaw(hash: Uint8Array): string {
  return textOf(RAW, hash);
}

/** Four times as fast as `toString` of a CID, which caches each text. */
function textOf(codec: number, hash: Uint8Array): string {
  if (hash.length !== SHA256_BYTES) throw new RangeError("not a SHA-256");
  const bytes = new Uint8Array(HEAD_BYTES + SHA256_BYTES);
  bytes.set([VERSION, codec, SHA256, SHA256_BYTES]);
  bytes.set(hash, HEAD_BYTES);
  return base32.encode(bytes);
}

/** Parses a CID as the link of a block. Throws like {@linkcode cidBytes}. */
export function parseCid(cid: string): CID {
  const bytes = cidBytes(cid);
  const [, codec = DAG_CBOR] = bytes;
  const digest = new Digest(
    SHA256,
    SHA256_BYTES,
    bytes.subarray(HEAD_BYTES),
    bytes.subarray(2),
  );
  return new CID(VERSION, codec, digest, bytes);
}

/** The SHA-256 in a CID. Throws like {@linkcode cidBytes}. */
export function hashOfCid(cid: string): Uint8Array {
  return cidBytes(cid).subarray(HEAD_BYTES);
}

/** The bytes of a CID. Throws SyntaxError or RangeError when `cid` cannot be a CID of this repo. */
export function cidBytes(cid: string): Uint8Array {
  if (!BASE32.test(cid)) throw new SyntaxError("not a CID in base32");
  const bytes = base32.decode(cid);
  const [version, codec, hash, size] = bytes;
  if (
    version !== VERSION || (codec !== DAG_CBOR && codec !== RAW) ||
    hash !== SHA256 || size !== SHA256_BYTES
  ) throw new RangeError("not a CID of DAG-CBOR or raw bytes with SHA-256");
  return bytes;
}

/** Whether `text` can be a CID of this repo; a raw one (a blob) depending on `codec`. */
export function isCid(text: string, codec?: "raw"): boolean {
  try {
    const bytes = cidBytes(text);
    return codec === undefined || bytes[1] === RAW;
  } catch {
    return false;
  }
}
