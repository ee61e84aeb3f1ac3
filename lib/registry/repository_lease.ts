/**
 * The lease under which the records of one repository change: two writes must
 * take the same order in the owner's repo and in the index.
 *
 * @module
 */

import type { RepoRef } from "./manifest_index.ts";

/** Name and times (milliseconds) of the lease. */
export const repositoryLease = {
  name: ({ did, repo }: RepoRef): string => `registry/write/${did}/${repo}`,
  ttlMs: 30_000,
  waitMs: 60_000,
} as const;
