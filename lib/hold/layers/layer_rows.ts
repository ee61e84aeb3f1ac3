/**
 * The rows about the layer records of a manifest.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { PushEvent } from "../../hold_api/push_event.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import { blobsOf } from "../pushes/push_content.ts";
import type { JoinedRow } from "../../kv/joined_rows.ts";

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

/** Repositories of one manifest that are remembered. */
const MAX_REPOSITORIES = 8;

/** The rows of one layer record. */
export function rowsOfEntry(
  { rkey, digest, size, manifest, userDid }: LayerEntry,
): JoinedRow[] {
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
export function rowsOfManifest(uri: string, row: ManifestRow): JoinedRow[] {
  const extra = row.extra.slice(0, MAX_EXTRA);
  return [
    { key: holdKeys.manifest(uri), row: { ...row, extra } },
    ...extra.map((digest) => ({
      key: holdKeys.blobUse(digest, uri),
      row: true,
    })),
  ];
}

/**
 * Builds the row of a manifest. `recorded` are the blobs with layer records;
 * the other ones it needs are stored in the row, whether they are here or not.
 */
export function manifestRow(
  event: PushEvent,
  before: ManifestRow | undefined,
  recorded: ReadonlySet<Digest>,
  now: number,
): ManifestRow {
  const needed = new Set([...before?.extra ?? [], ...blobsOf(event)]);
  const repositories = new Set([
    ...before?.repositories ?? [],
    event.repository,
  ]);
  return {
    ...before,
    userDid: event.owner,
    repositories: [...repositories].slice(-MAX_REPOSITORIES),
    extra: [...needed].filter((digest) => !recorded.has(digest))
      .slice(0, MAX_EXTRA),
    pushedAt: before?.pushedAt ?? now,
    goneSince: undefined,
  };
}
