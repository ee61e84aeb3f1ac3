/**
 * The order of tags by time, which the index of the program keeps.
 *
 * @module
 */

import type { Did } from "../../did.ts";

/** Whether the visitor may read what lies in a hold. */
export type MayRead = (holdDid: Did) => Promise<boolean>;

/** Knows when tags of repositories moved. */
export interface TagOrder {
  /** How many tags a repository has; undefined when that is not known. */
  count(did: Did, repo: string, mayRead: MayRead): Promise<number | undefined>;
  /** Names of tags, the one that moved last first. Throws AppError `INVALID_REQUEST` for a cursor that is none. */
  newest(
    did: Did,
    repo: string,
    page: { limit: number; cursor?: string | undefined },
    mayRead: MayRead,
  ): Promise<{ names: readonly string[]; cursor: string | undefined }>;
}
