/**
 * Pages of tag lists. Reading a page costs as much as a hundred look-ups, so
 * that pages are kept in memory until a tag of their repository comes or goes.
 * A row in the store tells of that, and is looked up for every page: a page is
 * right also after changes by another process.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";
import { SharedReads } from "../../async/shared_reads.ts";

/** Names kept in memory, of at most 128 bytes each. */
const MAX_NAMES = 100_000;

/** The names of the first `limit` tags after `last`. */
export interface PageOfTags {
  readonly last?: string;
  readonly limit: number;
}

interface Page {
  /** Of the row that tells of changes, when the page was read; null: there is no row. */
  readonly versionstamp: string | null;
  readonly names: readonly string[];
}

/** Keeps pages while they are right. */
export class TagPages {
  readonly #kv: Kv;
  readonly #reads = new SharedReads();
  readonly #pages = new LRUCache<string, Page>({
    maxSize: MAX_NAMES,
    sizeCalculation: ({ names }) => names.length + 1,
  });

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** The page as it is in the store; `list` reads it where it is not known. */
  async get(
    did: Did,
    repo: string,
    { last = "", limit }: PageOfTags,
    list: () => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const key = `${did} ${repo} ${limit} ${last}`;
    const versionstamp = await this.#versionstamp(did, repo);
    const known = this.#pages.get(key);
    if (known?.versionstamp === versionstamp) return known.names;
    const names = await list();
    // What changed while the page was read may be in it or not.
    if (await this.#versionstamp(did, repo) === versionstamp) {
      this.#pages.set(key, { versionstamp, names });
    }
    return names;
  }

  /** Has to be part of every change by which a tag comes or goes. */
  touch(change: Atomic, did: Did, repo: string): void {
    change.set(registryKeys.tagsChanged(did, repo), 1);
  }

  async #versionstamp(did: Did, repo: string): Promise<string | null> {
    const key = registryKeys.tagsChanged(did, repo);
    const entry = await this.#reads.read(
      `${did} ${repo}`,
      () => this.#kv.get(key),
    );
    return entry?.versionstamp ?? null;
  }
}
