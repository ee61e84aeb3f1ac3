/**
 * Tags of a repository, their history, and what leads to a manifest.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { Page, PageRequest } from "../cursor.ts";
import { type MayRead, Reading } from "../reading.ts";
import type { IndexWatch } from "../watch.ts";
import { cardKeys, timeOfPart } from "../cards/kv_keys.ts";
import type { CardRow, FactsRow, MoveRow, TagRow } from "../cards/rows.ts";

/** A tag in a list. */
export interface ListedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** When it was set, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Absent when the manifest is not there any more. */
  readonly facts: FactsRow | undefined;
}

/** A move of a tag in a list. */
export interface ListedMove extends MoveRow {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface TagReadsDeps {
  kv: Kv;
  watch: IndexWatch;
}

/** Reads tags. */
export class TagReads {
  readonly #deps: TagReadsDeps;

  constructor(deps: TagReadsDeps) {
    this.#deps = deps;
  }

  /** Tags, the one that moved last first. What lies where the client may not read is left out. */
  async newest(
    did: Did,
    repo: string,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<ListedTag>> {
    const prefix = cardKeys.tagTimes(did, repo);
    const types = ["number", "string"] as const;
    const reading = new Reading(this.#deps.kv, mayRead);
    const page = await reading.page<Digest>("tags", prefix, types, options);
    const found = page.items.map(({ key, value: digest }) => ({
      ...{ tag: String(key.at(-1)), digest, at: timeOfPart(key.at(-2)) },
    }));
    const items = await this.#listed(reading, did, repo, found);
    return { items, cursor: page.cursor };
  }

  /** Tags in byte order of their names, otherwise as {@linkcode newest}. */
  async byName(
    did: Did,
    repo: string,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<ListedTag>> {
    const prefix = cardKeys.tags(did, repo);
    const list = "tags by name";
    const reading = new Reading(this.#deps.kv, mayRead);
    const page = await reading.page<TagRow>(list, prefix, ["string"], options);
    const found = page.items.map(({ key, value: [{ digest, at }] }) => ({
      ...{ tag: String(key.at(-1)), digest, at },
    }));
    const items = await this.#listed(reading, did, repo, found);
    return { items, cursor: page.cursor };
  }

  /** Those of the tags that the client may see, with facts of their manifests. */
  async #listed(
    reading: Reading,
    did: Did,
    repo: string,
    tags: readonly Omit<ListedTag, "facts">[],
  ): Promise<ListedTag[]> {
    const digests = [...new Set(tags.map(({ digest }) => digest))];
    const [card, ...found] = await reading.many<CardRow | FactsRow>([
      cardKeys.card(did, repo),
      ...digests.map((digest) => cardKeys.manifest(did, digest)),
    ]) as [CardRow | undefined, ...(FactsRow | undefined)[]];
    const items: ListedTag[] = [];
    for (const tag of tags) {
      const facts = found[digests.indexOf(tag.digest)];
      const hold = facts?.holdDid ?? card?.image?.holdDid;
      if (card?.hidden || !hold || !await reading.mayRead(hold)) continue;
      items.push({ ...tag, facts });
    }
    reading.end(this.#deps.watch, "tags");
    return items;
  }

  /** Moves of a tag, the last one first. Throws AppError `NAME_UNKNOWN` as {@linkcode aliases} does. */
  async history(
    did: Did,
    repo: string,
    tag: string,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<ListedMove>> {
    const reading = new Reading(this.#deps.kv, mayRead);
    await this.#requireRead(reading, did, repo);
    const prefix = cardKeys.tagMoves(did, repo, tag);
    const { items, cursor } = await reading.page<MoveRow>("moves", prefix, [
      "number",
    ], options);
    reading.end(this.#deps.watch, "moves");
    return {
      items: items.map(({ key, value }) => ({
        ...value,
        at: timeOfPart(key.at(-1)),
      })),
      cursor,
    };
  }

  /** Tags that point at a digest, in byte order. Throws AppError `NAME_UNKNOWN` for a repository that is not shown to the client. */
  async aliases(
    did: Did,
    repo: string,
    digest: Digest,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<string>> {
    const reading = new Reading(this.#deps.kv, mayRead);
    await this.#requireRead(reading, did, repo);
    const prefix = cardKeys.digestTags(did, digest, repo);
    const page = await reading.page("aliases", prefix, ["string"], options);
    reading.end(this.#deps.watch, "aliases");
    const items = page.items.map(({ key }) => String(key.at(-1)));
    return { items, cursor: page.cursor };
  }

  async #requireRead(reading: Reading, did: Did, repo: string): Promise<void> {
    const card = await reading.one<CardRow>(cardKeys.card(did, repo));
    const hold = card?.hidden ? undefined : card?.image?.holdDid;
    if (hold && await reading.mayRead(hold)) return;
    throw new AppError("NAME_UNKNOWN", "There is no such repository.");
  }
}
