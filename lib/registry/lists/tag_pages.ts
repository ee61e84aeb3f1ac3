/**
 * Cache of pages of tag lists. Reading a page costs as much as a hundred
 * lookups, so pages are cached until a tag of their repository is created or
 * deleted. Each such change writes a row, which is read for every page, so that
 * a page is correct even after changes by another process.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";
import { SharedReads } from "../../async/shared_reads.ts";

/** Names in the cache, of at most 128 bytes each. */
const MAX_NAMES = 100_000;

/** The names of the first `limit` tags after `last`. */
export interface PageOfTags {
  readonly last?: string;
  readonly limit: number;
}

interface Page {
  /** Versionstamp of the change row when the page was read; null when there was none. */
  readonly versionstamp: string | null;
  readonly names: readonly string[];
}

/** Caches pages while they are valid. */
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

  /** Returns the current page; `list` reads it if it is not cached. */
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
    // A change during the read may be in the page or not.
    if (await this.#versionstamp(did, repo) === versionstamp) {
      this.#pages.set(key, { versionstamp, names });
    }
    return names;
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
