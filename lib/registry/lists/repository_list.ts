/**
 * Lists repositories for the catalog.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";
import type { RepositoryRow } from "../rows.ts";

/** Lists owners and their repositories from the index. */
export class RepositoryList {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** An owner's repositories after `last`, in byte order. */
  async *of(
    did: Did,
    options: { last?: string } = {},
  ): AsyncGenerator<{ repo: string; row: RepositoryRow }> {
    const prefix = registryKeys.repositories(did);
    const selector = options.last === undefined
      ? { prefix }
      : { prefix, start: [...prefix, `${options.last}\0`] };
    for await (const entry of this.#kv.list<RepositoryRow>(selector)) {
      yield { repo: String(entry.key.at(-1)), row: entry.value };
    }
  }

  /** Every owner with at least one repository, in byte order of the DIDs, from `first` on. */
  async *owners(first?: Did): AsyncGenerator<Did> {
    const prefix = registryKeys.allRepositories();
    let start: Key = first === undefined ? prefix : [...prefix, first];
    // One read per owner: skip the remaining repositories of the last one.
    while (true) {
      const selector = start === prefix ? { prefix } : { prefix, start };
      let did: Did | undefined;
      for await (const entry of this.#kv.list(selector, { limit: 1 })) {
        did = entry.key[prefix.length] as Did;
      }
      if (did === undefined) return;
      yield did;
      start = [...prefix, `${did}\0`];
    }
  }
}
