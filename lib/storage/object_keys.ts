/**
 * Keys of stored objects. They are built only here, from validated digests,
 * CIDs and ids, so that no path or URL is built from raw input.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import {
  type Digest,
  digestParts,
  isDigest,
  parseDigest,
} from "../oci/digest.ts";
import { quote } from "../text.ts";

/** Root of the layout of the CNCF registry (distribution), so that such a bucket can be adopted. */
const DEFAULT_ROOT = "docker/registry/v2";

/** Longest key in characters; the limit of S3. */
const MAX_KEY = 1024;
/** Longest segment in characters; below the 255 bytes of file systems. */
const MAX_SEGMENT = 200;

const SEGMENT = /^[A-Za-z0-9_~=+@:%-][A-Za-z0-9._~=+@:%-]*$/;
const ID = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Whether `key` may name an object: segments of `A-Z a-z 0-9 . _ ~ = + @ : % -`
 * joined by `/`, none empty, none beginning with a dot, at most 200 characters
 * each and 1024 together. So no key escapes a folder or names a hidden file.
 */
export function isKey(key: string): boolean {
  return key.length <= MAX_KEY &&
    key.split("/").every((part) =>
      part.length <= MAX_SEGMENT && SEGMENT.test(part)
    );
}

/** Throws AppError `INVALID_REQUEST` unless {@linkcode isKey} returns true. */
export function assertKey(key: string): void {
  if (!isKey(key)) throw new AppError("INVALID_REQUEST", refusal("key", key));
}

/**
 * Throws AppError `INVALID_REQUEST` unless keys can begin with `prefix`. An
 * empty prefix and a complete or partial last segment are allowed.
 */
export function assertPrefix(prefix: string): void {
  const whole = prefix === "" || prefix.endsWith("/") ? `${prefix}x` : prefix;
  if (!isKey(whole)) {
    throw new AppError("INVALID_REQUEST", refusal("key prefix", prefix));
  }
}

/** Builds the keys below one root. */
export class StorageKeys {
  /** Root without slashes at its ends; may be empty. */
  readonly root: string;

  /** Throws AppError `INVALID_REQUEST` when `root` is neither empty nor a key. */
  constructor(root: string = DEFAULT_ROOT) {
    if (root !== "") assertKey(root);
    this.root = root;
  }

  /** Key of a verified blob; the layout of the CNCF registry. */
  blob(digest: Digest): string {
    const { algorithm, hex } = digestParts(parseDigest(digest));
    return `${this.blobs}${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
  }

  /** The digest of the blob with this key; undefined for any other key. */
  digestOf(key: string): Digest | undefined {
    if (!key.startsWith(this.blobs)) return undefined;
    const parts = key.slice(this.blobs.length).split("/");
    const text = `${parts[0]}:${parts[2]}`;
    if (!isDigest(text) || this.blob(text) !== key) return undefined;
    return text;
  }

  /** Prefix of all blobs. */
  get blobs(): string {
    return this.#below("blobs/");
  }

  /** Key of an upload until it is verified. */
  upload(id: string): string {
    return `${this.uploads}${checkId(id)}/data`;
  }

  /** Prefix of all uploads. */
  get uploads(): string {
    return this.#below("uploads/");
  }

  /** Key of a blob of the embedded PDS, by its CID as text. */
  pdsBlob(cid: string): string {
    return `${this.pdsBlobs}${checkId(cid)}`;
  }

  /** Prefix of all blobs of the embedded PDS. */
  get pdsBlobs(): string {
    return this.#below("pds/blobs/");
  }

  #below(path: string): string {
    return this.root === "" ? path : `${this.root}/${path}`;
  }
}

/** Returns `id` if it consists of 1 to 128 of `A-Z a-z 0-9 _ -`. */
function checkId(id: string): string {
  if (ID.test(id)) return id;
  throw new AppError(
    "INVALID_REQUEST",
    `${quote(id)} is not an id; use 1 to 128 letters, digits, "_" or "-".`,
  );
}

function refusal(what: string, text: string): string {
  return `${quote(text)} is not a storage ${what}; use segments of letters, ` +
    'digits and . _ ~ = + @ : % - joined by "/", none beginning with a dot.';
}
