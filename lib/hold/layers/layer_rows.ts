/**
 * The rows about the layer records of a manifest.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import type { CommitRow } from "../records.ts";

/** One layer record. */
export interface LayerEntry {
  readonly rkey: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** AT-URI of the manifest. */
  readonly manifest: string;
  readonly userDid: Did;
}

/** A manifest that was pushed with blobs here. */
export interface ManifestRow {
  readonly userDid: Did;
  /** Blobs that it needs and that have no layer record, such as the config. */
  readonly extra: readonly Digest[];
  /** Repositories that it was pushed to, the last few; absent where none is known. */
  readonly repositories?: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly pushedAt: number;
  /** When it was first missing in its owner's repo, in milliseconds since the Unix epoch. */
  readonly goneSince: number | undefined;
  /**
   * Digests in the manifest other than config, layers and entries; undefined
   * until its bytes were read, or when they do not fit into a row.
   */
  readonly others?: readonly Digest[] | undefined;
}

/**
 * Maximum blobs without layer record, and other digests, of one manifest; more
 * do not fit into a row.
 */
export const MAX_EXTRA = 200;

/** The rows of one layer record. */
export function rowsOfEntry(
  { rkey, digest, size, manifest, userDid }: LayerEntry,
): CommitRow[] {
  return [
    { key: holdKeys.userLayer(userDid, digest, rkey), row: { size, manifest } },
    {
      key: holdKeys.manifestLayer(manifest, rkey),
      row: { digest, size, userDid },
    },
    { key: holdKeys.blobUse(digest, manifest), row: true },
  ];
}

/** The row of a manifest, and those of the blobs without layer record in it. */
export function rowsOfManifest(uri: string, row: ManifestRow): CommitRow[] {
  const extra = row.extra.slice(0, MAX_EXTRA);
  return [
    { key: holdKeys.manifest(uri), row: { ...row, extra } },
    ...extra.map((digest) => ({
      key: holdKeys.blobUse(digest, uri),
      row: true,
    })),
  ];
}
