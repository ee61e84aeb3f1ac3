/**
 * An index that is filled and read, for tests.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { OwnerNames } from "../search/owner_names.ts";
import { CardFacets } from "../cards/card_edit.ts";
import { CardReads } from "./card_reads.ts";
import { ManifestReads } from "./manifest_reads.ts";
import { RepositoryAccounts } from "../cards/repository_accounts.ts";
import { TagReads } from "./tag_reads.ts";
import {
  ALICE,
  HOLD,
  imageBytes,
  manifestRecord,
  revOf,
  startTestRecords,
} from "../cards/testing_records.ts";

/** A hold that the public may not read. */
export const PRIVATE: Did = "did:web:private.example.com";
/** What the public may read. */
export const isPublic = (hold: Did) => Promise.resolve(hold === HOLD);

/** An index, what reads it, and pushes into it. */
export async function startReads() {
  const index = await startTestRecords();
  const { kv, clock } = index;
  const read: number[] = [];
  const reads = {
    kv,
    watch: {
      ignored: () => {},
      rowsRead: (_: string, rows: number) => read.push(rows),
    },
  };
  let rev = 0;
  const push = async (
    repo: string,
    tag: string,
    {
      did = ALICE,
      holdDid = HOLD,
      layers = [] as string[],
      name = "",
      afterMs = 1_000,
    } = {},
  ) => {
    clock.advance(afterMs);
    const bytes = imageBytes(name || `${did} ${repo} ${tag}`, layers);
    const record = manifestRecord(repo, bytes, clock.now(), holdDid);
    const digest = await index.manifest(repo, bytes, { did, record });
    await index.tag(repo, tag, digest, { did, rev: revOf(++rev) });
    return digest;
  };
  return {
    ...index,
    ...{ read, push },
    cards: new CardReads(reads),
    tags: new TagReads(reads),
    manifests: new ManifestReads(reads),
    facets: new CardFacets(kv),
    accounts: new RepositoryAccounts(kv, new OwnerNames(kv)),
  };
}

/** All items of a list, page by page. */
export async function everything<T>(
  page: (cursor: string | undefined) => Promise<{
    items: readonly T[];
    cursor: string | undefined;
  }>,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const found = await page(cursor);
    all.push(...found.items);
    cursor = found.cursor;
  } while (cursor !== undefined);
  return all;
}
