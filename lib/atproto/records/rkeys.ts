/**
 * Record keys of the `io.atcr.*` collections. They are pure functions of the
 * record's subject, so that writing it again overwrites it; readers still
 * compare the fields of a record and never trust its key.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isValidRecordKey } from "@atproto/syntax";
import { base32 } from "multiformats/bases/base32";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";

/** Longest record key (atproto specification, "Record Key"), in characters. */
const MAX_RKEY = 512;

/** Key of `io.atcr.manifest` and `io.atcr.hold.scan`: the hex of the digest. */
export function manifestRkey(digest: string): string {
  return checked(digest.slice(digest.indexOf(":") + 1), digest);
}

/**
 * Key of `io.atcr.tag`: `<repository>_<tag>` with `/` as `~`.
 *
 * Two pairs can share one key (`a_b` with tag `c`, and `a` with tag `b_c`); the
 * second one written uses {@linkcode tagRkeyAlternative}.
 */
export function tagRkey(repository: string, tag: string): string {
  return checked(`${flat(repository)}_${tag}`, `${repository}:${tag}`);
}

/** The other key of `io.atcr.tag`, unique to repository and tag: `<repository>:<tag>` with `/` as `~`. */
export function tagRkeyAlternative(repository: string, tag: string): string {
  return checked(`${flat(repository)}:${tag}`, `${repository}:${tag}`);
}

/** Most names that are tried for one key. */
const MAX_NAMES = 20;

/**
 * The tags whose record may have a key that was made here; none for keys that
 * others chose. The names are not validated.
 */
export function tagsAt(
  rkey: string,
): readonly { readonly repository: string; readonly tag: string }[] {
  return [...rkey.matchAll(/[_:]/g)].slice(0, MAX_NAMES).map(({ index }) => ({
    repository: rkey.slice(0, index).replaceAll("~", "/"),
    tag: rkey.slice(index + 1),
  }));
}

/**
 * Key of `io.atcr.hold.stats`: RFC 4648 base32 in lower case, without padding,
 * of the first 16 bytes of sha256 over `<owner DID>/<repository>`.
 */
export function statsRkey(owner: Did, repository: string): string {
  return hashOf(owner, repository);
}

/**
 * Key of the `io.atcr.sailor.star` that we write: one for each repository, so
 * that starring twice is one record. Others use keys of their own.
 */
export function starRkey(owner: Did, repository: string): string {
  return hashOf(owner, repository);
}

/** Key of `io.atcr.repo.page`: the name of the repository with `/` as `~`. */
export function pageRkey(repository: string): string {
  return checked(flat(repository), repository);
}

function hashOf(owner: Did, repository: string): string {
  const hash = createHash("sha256").update(`${owner}/${repository}`).digest();
  return base32.baseEncode(hash.subarray(0, 16));
}

/** A repository name cannot contain `~`, so the mapping is unambiguous. */
function flat(repository: string): string {
  return repository.replaceAll("/", "~");
}

function checked(rkey: string, what: string): string {
  const isTooLong = rkey.length > MAX_RKEY;
  if (isValidRecordKey(rkey)) return rkey;
  const why = isTooLong
    ? `is too long; use at most ${MAX_RKEY} characters`
    : "holds characters that no record key may hold";
  throw new AppError("NAME_INVALID", `The name ${what.slice(0, 100)} ${why}.`);
}
