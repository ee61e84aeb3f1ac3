/**
 * How owners are named and found: by their handles and display names.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import { foreignText } from "../../text.ts";
import { searchKeys } from "./kv_keys.ts";
import { ownerWords, wordsOf } from "./words.ts";

/** An owner, as search knows it. */
export interface OwnerRow {
  /** Absent where none is valid. */
  readonly handle?: string;
  readonly displayName?: string;
  /** Set while the network does not show the account. */
  readonly hidden?: true;
}

const ATTEMPTS = 100;
const MAX_NAME = 64;

/** Rows of words that are looked at for one text. */
const MAX_CALLED = 50;

/** Reads and writes names of owners. */
export class OwnerNames {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** What is known of each owner, in order. */
  async get(dids: readonly Did[]): Promise<(OwnerRow | undefined)[]> {
    const rows = await this.#kv.getMany<OwnerRow>(
      dids.map((did) => searchKeys.owner(did)),
    );
    return rows.map((entry) => entry?.value);
  }

  /** The owner that last had a handle. */
  async byHandle(handle: string): Promise<Did | undefined> {
    return (await this.#kv.get<Did>(searchKeys.handle(handle)))?.value;
  }

  /** Owners with a word in their names that begins with `text`, at most `limit`; the one with exactly this handle first. */
  async called(text: string, limit: number): Promise<Did[]> {
    const [word = "", ...others] = wordsOf(text);
    if (word === "") return [];
    const exact = await this.byHandle(text.trim().toLowerCase());
    const found = new Set<Did>(exact ? [exact] : []);
    const selector = {
      start: searchKeys.ownerWords(word),
      end: searchKeys.ownerWords(`${word}\u{10ffff}`),
    };
    const dids = new Set<Did>();
    const rows = this.#kv.list(selector, { limit: MAX_CALLED });
    for await (const { key } of rows) dids.add(key.at(-1) as Did);
    const all = [...dids];
    const known = await this.get(all);
    for (const [i, did] of all.entries()) {
      const words = [...wordsOfOwner(known[i])];
      const hasAll = others.every((other) =>
        words.some((one) => one.startsWith(other))
      );
      if (hasAll) found.add(did);
    }
    return [...found].slice(0, limit);
  }

  /** Notes the handle of an owner; undefined: it has no valid one. */
  async setHandle(did: Did, handle: string | undefined): Promise<void> {
    await this.#edit(did, ({ handle: _, ...row }) => ({
      ...row,
      ...(handle === undefined ? {} : { handle: handle.toLowerCase() }),
    }));
  }

  /** Notes the name that an owner goes by; undefined: none. */
  async setDisplayName(did: Did, name: string | undefined): Promise<void> {
    const displayName = foreignText(name ?? "").slice(0, MAX_NAME)
      .toWellFormed().trim();
    await this.#edit(did, ({ displayName: _, ...row }) => ({
      ...row,
      ...(displayName === "" ? {} : { displayName }),
    }));
  }

  /** Notes both names of an owner; undefined: it has none. */
  async setNames(
    did: Did,
    { handle, name }: {
      readonly handle: string | undefined;
      readonly name: string | undefined;
    },
  ): Promise<void> {
    await this.setHandle(did, handle);
    await this.setDisplayName(did, name);
  }

  /** Stores what an owner is found by, also where it should be there. */
  async restore(did: Did): Promise<void> {
    const row = await this.#kv.get<OwnerRow>(searchKeys.owner(did));
    if (!row) return;
    const commit = this.#kv.atomic();
    await addOwner(this.#kv, commit, did, { ...row, value: {} }, row.value);
    // What changed meanwhile has stored its own rows.
    await commit.commit();
  }

  /** Notes whether the network shows the account. */
  async setHidden(did: Did, isHidden: boolean): Promise<void> {
    await this.#edit(did, ({ hidden: _, ...row }) => ({
      ...row,
      ...(isHidden ? { hidden: true } : {}),
    }));
  }

  /** Forgets an owner. */
  async remove(did: Did): Promise<void> {
    await this.#edit(did, () => ({}));
  }

  async #edit(did: Did, edit: (row: OwnerRow) => OwnerRow): Promise<void> {
    const key = searchKeys.owner(did);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.#kv.get<OwnerRow>(key);
      const before = entry?.value ?? {};
      const after = edit(before);
      if (isDeepStrictEqual(before, after)) return;
      const commit = this.#kv.atomic();
      await addOwner(this.#kv, commit, did, entry, after);
      if (await commit.commit()) return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "The names of the owner are being changed at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

/** Adds to `commit` what makes an owner found as `after`, unless its row changed since it was read. */
async function addOwner(
  kv: Kv,
  commit: Atomic,
  did: Did,
  read: Entry<OwnerRow> | undefined,
  after: OwnerRow,
): Promise<void> {
  const key = searchKeys.owner(did);
  commit.check(key, read?.versionstamp ?? null);
  if (Object.keys(after).length > 0) commit.set(key, after);
  else commit.delete(key);
  const [old, next] = [wordsOfOwner(read?.value), wordsOfOwner(after)];
  for (const word of old) {
    if (!next.has(word)) commit.delete(searchKeys.ownerWord(word, did));
  }
  for (const word of next) {
    if (!old.has(word)) commit.set(searchKeys.ownerWord(word, did), 1);
  }
  const [was, is] = [read?.value.handle, after.handle];
  if (was === is) return;
  if (is !== undefined) commit.set(searchKeys.handle(is), did);
  if (was === undefined) return;
  // Another account may have taken the handle since.
  const holder = await kv.get<Did>(searchKeys.handle(was));
  if (holder?.value === did) commit.delete(searchKeys.handle(was));
}

/** The words that an owner is found by. */
export function wordsOfOwner(
  row: OwnerRow | undefined,
): ReadonlySet<string> {
  return new Set(
    row && !row.hidden ? ownerWords(row.handle, row.displayName) : [],
  );
}
