/**
 * Record keys of the `io.atcr.*` collections. Keys are only a way to find a
 * record: readers compare the record's fields.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { Did } from "./identity.ts";
import type { Digest } from "../oci/digest.ts";
import { digestParts } from "../oci/digest.ts";

/** Longest record key (record key specification). */
const MAX_LENGTH = 512;

/** Key of an `io.atcr.manifest` record: the hex of the digest. */
export function manifestRkey(digest: Digest): string {
  return digestParts(digest).hex;
}

/** Key of an `io.atcr.hold.scan` record: the hex of the manifest's digest. */
export const scanRkey = manifestRkey;

/** Key of an `io.atcr.tag` record: `<repository>_<tag>`, slashes as `~`. */
export function tagRkey(repository: string, tag: string): string {
  return bounded(`${plain(repository)}_${tag}`);
}

/** Key of a tag record where {@linkcode tagRkey} is taken by another tag: `<repository>:<tag>`. */
export function tagRkeyAlternative(repository: string, tag: string): string {
  return bounded(`${plain(repository)}:${tag}`);
}

/** Key of an `io.atcr.repo.page` record: the repository, slashes as `~`. */
export function pageRkey(repository: string): string {
  return bounded(plain(repository));
}

/** Repository of a page's key; the reverse of {@linkcode pageRkey}. */
export function pageRepository(rkey: string): string {
  return rkey.replaceAll("~", "/");
}

/** Key of an `io.atcr.hold.stats` record: one for each owner and repository. */
export function statsRkey(owner: Did, repository: string): string {
  const hash = createHash("sha256").update(`${owner}/${repository}`).digest();
  return base32(hash.subarray(0, 16));
}

/** Repository names have no `~` of their own, so that this can be undone. */
function plain(repository: string): string {
  return repository.replaceAll("/", "~");
}

function bounded(rkey: string): string {
  if (rkey.length <= MAX_LENGTH) return rkey;
  throw new RangeError(`A record key of ${rkey.length} characters is too long`);
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

/** Lower-case base32 (RFC 4648) without padding. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let value = 0;
  let bits = 0;
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  if (bits > 0) text += ALPHABET[(value << (5 - bits)) & 31];
  return text;
}
