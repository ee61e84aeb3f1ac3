/**
 * All repositories in parts of bounded size, for search engines.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import { isShown } from "../cards/repository_edit.ts";
import type { CardRow } from "../cards/rows.ts";
import { type MayRead, Reading } from "../reading.ts";
import type { IndexWatch } from "../watch.ts";
import type { AccountName, AccountNames } from "./account_names.ts";

/** Where a repository is, and since when it is as it is. */
export interface RepositoryPlace {
  readonly owner: AccountName;
  readonly repo: string;
  /** When its newest tag moved, in milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface RepositoryPlacesDeps {
  readonly kv: Kv;
  readonly names: AccountNames;
  readonly watch: IndexWatch;
}

/** By the first letter of a did:plc, which is base32, and one for all others. */
const PARTS: readonly string[] = [
  ..."abcdefghijklmnopqrstuvwxyz234567",
  "web",
];

/** Repositories of one part; further ones are left out. */
const MAX_ROWS = 5_000;

/** Lists repositories by their owners' DIDs. */
export class RepositoryPlaces {
  readonly #deps: RepositoryPlacesDeps;

  /** The names of all parts, which never change. */
  readonly parts = PARTS;

  constructor(deps: RepositoryPlacesDeps) {
    this.#deps = deps;
  }

  /** The repositories of a part that the client sees, at most 5,000; undefined for a part that does not exist. */
  async part(
    name: string,
    mayRead: MayRead,
  ): Promise<readonly RepositoryPlace[] | undefined> {
    if (!PARTS.includes(name)) return undefined;
    const { kv, names, watch } = this.#deps;
    const reading = new Reading(kv, mayRead);
    const from = name === "web" ? "did:web:" : `did:plc:${name}`;
    const prefix = cardKeys.allCards();
    const rows = kv.list<CardRow>({
      start: [...prefix, from],
      end: [...prefix, `${from}\u{10ffff}`],
    }, { limit: MAX_ROWS });
    const found: { did: Did; repo: string; at: number }[] = [];
    let read = 0;
    for await (const { key, value: { image, newest, ...card } } of rows) {
      read++;
      if (!image || !newest || !isShown({ ...card, image, newest })) continue;
      if (!await reading.mayRead(image.holdDid)) continue;
      const did = key.at(-2) as Did;
      found.push({ did, repo: String(key.at(-1)), at: newest.at });
    }
    watch.rowsRead("places", read);
    const named = await names.read(found.map(({ did }) => did));
    return found.map(({ did, repo, at }) => ({
      owner: named.of(did),
      ...{ repo, at },
    }));
  }
}
