/**
 * The order of tags by time, which the index of the program keeps.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";

/** Whether the visitor may read what lies in a hold. */
export type MayRead = (holdDid: Did) => Promise<boolean>;

/** A tag as the index knows it. */
export interface OrderedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** When it was set, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Knows when tags of repositories moved. */
export interface TagOrder {
  /** How many tags a repository has; undefined when that is not known. */
  count(did: Did, repo: string, mayRead: MayRead): Promise<number | undefined>;
  /** Tags, the one that moved last first. Throws AppError `INVALID_REQUEST` for a cursor that is none. */
  newest(
    did: Did,
    repo: string,
    page: { limit: number; cursor?: string | undefined },
    mayRead: MayRead,
  ): Promise<{ items: readonly OrderedTag[]; cursor: string | undefined }>;
}
