/**
 * Keys of stored pictures; the layout of the original avatar service.
 *
 * @module
 */
import { type Did, parseDid } from "../did.ts";

/** Cached by browsers and proxies for a year, because the object at a key never changes. */
export const IMMUTABLE = "public, max-age=31536000, immutable";

/** First part of every key. */
export const OBJECT_ROOT = "avatars";

/**
 * CIDv1, raw, SHA-256, in base32: the form of every blob's CID (atproto data
 * model, "Blob Type").
 */
const CID = /^bafkrei[a-z2-7]{51}[aeimquy4]$/;
const NAME =
  /^(default|(w\d{1,5}|h\d{1,5}|q\d{1,3}|dpr[\d.]{1,4}|contain|inside|enlarge)(-(w\d{1,5}|h\d{1,5}|q\d{1,3}|dpr[\d.]{1,4}|contain|inside|enlarge))*)\.(webp|jpg|png)$/;

/** Whether `cid` is a CID in the form of blobs, which may be used in keys. */
export function isBlobCid(cid: string): boolean {
  return CID.test(cid);
}

/** The uploaded picture. */
export function originalKey(did: Did, cid: string): string {
  return `${OBJECT_ROOT}/${did}/original/${cid}`;
}

/** A rendered variant. */
export function variantObjectKey(did: Did, cid: string, name: string): string {
  return `${picturePrefix(did, cid)}${name}`;
}

/** Prefix of the keys of all variants of a picture. */
export function picturePrefix(did: Did, cid: string): string {
  return `${OBJECT_ROOT}/${did}/${cid}/`;
}

/** A parsed key. */
export interface ObjectName {
  readonly did: Did;
  readonly cid: string;
  /** Undefined for the original. */
  readonly variant: string | undefined;
}

/** Parses an untrusted key; undefined when it is not the key of a picture. */
export function parseObjectKey(key: string): ObjectName | undefined {
  const [root, owner = "", middle = "", last = "", ...more] = key.split("/");
  const did = parseDid(owner);
  // Only the canonical spelling is accepted.
  if (root !== OBJECT_ROOT || more.length > 0 || did !== owner) {
    return undefined;
  }
  if (middle === "original") {
    return CID.test(last) ? { did, cid: last, variant: undefined } : undefined;
  }
  return CID.test(middle) && NAME.test(last)
    ? { did, cid: middle, variant: last }
    : undefined;
}

/** `key` as the path of a URL; a `%` in a DID is escaped like any other character. */
export function keyPath(key: string): string {
  return key.split("/").map((part) =>
    encodeURIComponent(part).replaceAll("%3A", ":")
  ).join("/");
}
