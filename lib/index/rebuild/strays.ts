/**
 * Rows that nothing stands behind any more.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Key, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { cardKeys, digestOfPart, timeOfPart } from "../cards/kv_keys.ts";
import { isShown } from "../cards/repository_edit.ts";
import type { CardRow, FactsRow, TagRow } from "../cards/rows.ts";
import type { CrewRow, HoldRow } from "../holds/hold_rows.ts";
import { holdKeys } from "../holds/kv_keys.ts";
import { peopleKeys } from "../people/kv_keys.ts";
import type { PageRow } from "../people/page_rows.ts";
import { starredAt, type StarRow } from "../people/star_rows.ts";
import { searchKeys } from "../search/kv_keys.ts";
import { type OwnerRow, wordsOfOwner } from "../search/owner_names.ts";
import { bucketOf, wordsOfCard } from "../search/search_rows.ts";

/** A kind of row that follows from another one. */
interface Derived {
  readonly prefix: Key;
  /** The row that it follows from. */
  readonly base: (key: Key) => Key;
  readonly isRight: (key: Key, base: unknown) => boolean;
}

/** Rows that are looked at together. */
const CHUNK = 200;

const did = (key: Key, at: number) => key.at(at) as Did;
const text = (key: Key, at: number) => String(key.at(at));
const digest = (key: Key, at: number) => digestOfPart(key.at(at));

/** A row that follows from a shown card. */
function ofCard(
  prefix: Key,
  ref: (key: Key) => readonly [Did, string],
  isRight: (key: Key, card: CardRow, repo: string) => boolean,
): Derived {
  return {
    prefix,
    base: (key) => cardKeys.card(...ref(key)),
    isRight: (key, base) => {
      const card = base as CardRow | undefined;
      return card !== undefined && isShown(card) &&
        isRight(key, card, ref(key)[1]);
    },
  };
}

function isAt({ newest }: CardRow, part: Key[number] | undefined): boolean {
  return newest !== undefined && newest.at === timeOfPart(part);
}

const ALL: readonly Derived[] = [
  ofCard(
    cardKeys.allUpdated(),
    (key) => [did(key, -2), text(key, -1)],
    (key, card) => isAt(card, key.at(-3)),
  ),
  ofCard(
    cardKeys.everyUpdatedOf(),
    (key) => [did(key, -3), text(key, -1)],
    (key, card) => isAt(card, key.at(-2)),
  ),
  ofCard(
    searchKeys.allNames(),
    (key) => [did(key, -1), text(key, -2)],
    () => true,
  ),
  ofCard(
    searchKeys.allWords(),
    (key) => [did(key, -2), text(key, -1)],
    (key, card, repo) =>
      key.at(-3) === bucketOf(card) &&
      (key.at(-4) === "" || wordsOfCard(repo, card).has(text(key, -4))),
  ),
  {
    prefix: searchKeys.everyOwnerWord(),
    base: (key) => searchKeys.owner(did(key, -1)),
    isRight: (key, base) =>
      wordsOfOwner(base as OwnerRow | undefined).has(text(key, -2)),
  },
  {
    prefix: cardKeys.everyTagTime(),
    base: (key) => cardKeys.tag(did(key, -4), text(key, -3), text(key, -1)),
    isRight: (key, base) =>
      (base as TagRow | undefined)?.[0].at === timeOfPart(key.at(-2)),
  },
  {
    prefix: cardKeys.everyDigestTag(),
    base: (key) => cardKeys.tag(did(key, -4), text(key, -2), text(key, -1)),
    isRight: (key, base) =>
      (base as TagRow | undefined)?.[0].digest === digest(key, -3),
  },
  {
    prefix: cardKeys.everyInIndex(),
    base: (key) => cardKeys.manifest(did(key, -3), digest(key, -1)),
    isRight: (key, base) =>
      (base as FactsRow | undefined)?.children?.some((child) =>
        child.digest === digest(key, -2)
      ) ?? false,
  },
  {
    prefix: cardKeys.everyLayer(),
    base: (key) => cardKeys.manifest(did(key, -2), digest(key, -1)),
    isRight: (key, base) =>
      (base as FactsRow | undefined)?.layers?.some((layer) =>
        isLayer(layer, key)
      ) ?? false,
  },
  {
    prefix: holdKeys.everyOwnHold(),
    base: (key) => holdKeys.hold(did(key, -1)),
    isRight: (key, base) =>
      (base as HoldRow | undefined)?.owner === did(key, -2),
  },
  {
    prefix: holdKeys.everyMembership(),
    base: (key) => holdKeys.crew(did(key, -2), text(key, -1)),
    isRight: (key, base) =>
      (base as CrewRow | undefined)?.member === did(key, -3),
  },
  {
    prefix: peopleKeys.everyPageText(),
    base: (key) => peopleKeys.page(did(key, -3), text(key, -2)),
    isRight: (key, base) =>
      Number(key.at(-1)) < ((base as PageRow | undefined)?.page?.parts ?? 0),
  },
  {
    prefix: peopleKeys.everyStarred(),
    base: (key) => peopleKeys.star(did(key, -2), text(key, -1), did(key, -4)),
    isRight: (key, base) =>
      base !== undefined &&
      starredAt(base as StarRow) === timeOfPart(key.at(-3)),
  },
];

function isLayer(layer: Digest, key: Key): boolean {
  const part = key.at(-3);
  return part instanceof Uint8Array && layer.includes(part.toHex());
}

/** Removes rows that do not follow from anything; returns how many. */
export async function removeStrays(
  kv: Kv,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (const derived of ALL) {
    let chunk: Key[] = [];
    const flush = async () => {
      signal.throwIfAborted();
      removed += await removeWrong(kv, derived, chunk);
      chunk = [];
    };
    for await (const { key } of kv.list({ prefix: derived.prefix })) {
      chunk.push(key);
      if (chunk.length === CHUNK) await flush();
    }
    await flush();
  }
  return removed;
}

async function removeWrong(
  kv: Kv,
  { base, isRight }: Derived,
  keys: readonly Key[],
): Promise<number> {
  const bases = keys.map(base);
  const found: (Entry<unknown> | undefined)[] = await kv.getMany(bases);
  let removed = 0;
  for (const [i, key] of keys.entries()) {
    const baseKey = bases[i];
    if (!baseKey || isRight(key, found[i]?.value)) continue;
    // What changed meanwhile may have made it right.
    const isGone = await kv.atomic()
      .check(baseKey, found[i]?.versionstamp ?? null).delete(key).commit();
    if (isGone) removed++;
  }
  return removed;
}
