/**
 * The object of a blob, from its row as it stands in the key-value store; for
 * backups, which see rows of every kind.
 *
 * @module
 */

import type { StoredEntry } from "../../kv/kv.ts";
import { isDigest } from "../../oci/digest.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { holdKeys } from "../kv_keys.ts";
import type { BlobRow } from "./blob_row.ts";

/**
 * The key of the object that `entry` says is in the store, and whether the hold
 * may be deleting it. Undefined for rows of other kinds and for blobs whose
 * bytes are gone.
 */
export function blobObject(
  keys: StorageKeys,
  { key, value }: StoredEntry,
): { key: string; isLeaving: boolean } | undefined {
  const digest = key[holdKeys.blobs.length];
  if (
    key.length !== holdKeys.blobs.length + 1 ||
    holdKeys.blobs.some((part, i) => key[i] !== part) ||
    typeof digest !== "string" || !isDigest(digest)
  ) return undefined;
  const { state, bytes } = value as Partial<BlobRow>;
  if (bytes === "gone") return undefined;
  return {
    key: keys.blob(digest),
    isLeaving: state !== "live" && state !== "damaged",
  };
}
