/**
 * Pages of `com.atproto.repo.listRecords`. A list that ends too early must not
 * look whole: what is missing in it counts as deleted.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { RepoRecord } from "./pds.ts";

/** Most records taken of one page; the lexicon allows 100. */
const MAX_RECORDS = 1_000;

/** One record. */
export const recordSchema = z.object({
  uri: z.string(),
  // Optional in the lexicon of getRecord.
  cid: z.string().nullish().transform((cid) => cid ?? ""),
  value: z.record(z.string(), z.unknown()),
});
/** One page of a list; its records are validated one by one. */
export const listOutput = z.object({
  records: z.array(z.unknown()),
  // Some PDSes write null, or an empty text, after the last page.
  cursor: z.string().nullish().transform((cursor) => cursor || undefined),
});

/** What a page was asked for. */
export interface PageQuestion {
  /** Origin of the PDS. */
  readonly pds: string;
  readonly did: Did;
  readonly collection: string;
  readonly cursor: string | undefined;
}

/**
 * The records of a page that are of the repo and collection, and where the list
 * continues; undefined at its end. Throws AppError `UPSTREAM_FAILED` for a page
 * from which the list cannot be continued, although it has records.
 */
export function recordsOf(
  page: z.infer<typeof listOutput>,
  { pds, did, collection, cursor }: PageQuestion,
): { records: RepoRecord[]; cursor: string | undefined } {
  // Some PDSes name a cursor after the last record, or the one they were sent.
  if (page.records.length === 0) return { records: [], cursor: undefined };
  const isRepeated = page.cursor !== undefined && page.cursor === cursor;
  if (isRepeated || page.records.length > MAX_RECORDS) {
    throw new AppError(
      "UPSTREAM_FAILED",
      `The PDS at ${
        new URL(pds).host
      } does not list the records of ${collection} page by page.`,
    );
  }
  const place = `at://${did}/${collection}/`;
  const records: RepoRecord[] = [];
  for (const item of page.records) {
    const record = recordSchema.safeParse(item);
    // Ignore records of other repos.
    if (record.success && record.data.uri.startsWith(place)) {
      records.push(record.data);
    }
  }
  return { records, cursor: page.cursor };
}
