/**
 * Where a search looks, one place after the other. Each gives the repositories
 * that it has in its order, and for each where to go on behind it.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Key } from "../../kv/kv.ts";
import type { ArtifactKind } from "../cards/artifact_kind.ts";
import { type CardRef, placedCard } from "../reads/card_reads.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import type { CardRow, OrderRow } from "../cards/rows.ts";
import { after, type Reading } from "../reading.ts";
import { searchKeys } from "./kv_keys.ts";
import type { NameList } from "./name_list.ts";
import type { Query, SearchOptions } from "./query.ts";
import { bucketOf } from "./search_rows.ts";

/** A repository that may fit. */
export interface Candidate extends CardRef {
  /** Where the stage goes on behind it. */
  readonly next: string;
  /** Whether it belongs here, and not to another row or an earlier stage, by its words. */
  readonly belongs?: (words: ReadonlySet<string>) => boolean;
}

export interface StageDeps {
  readonly reading: Reading;
  readonly query: Query;
  readonly options: SearchOptions;
  readonly names: NameList;
  /** Where to go on; undefined at the beginning. */
  readonly at: string | undefined;
}

/** Gives candidates some at a time. */
export type Stage = (deps: StageDeps) => AsyncGenerator<Candidate[]>;

/** Rows that are read and looked at together. */
const CHUNK = 60;

/** Rows of words that begin alike, or repositories of one name, that are put in order together. */
const SORTED = 300;

const MAX_OWNERS = 20;
const MAX_OF_OWNER = 50;
const MAX_NAMES = 30;

/** Shorter texts are in nearly all names. */
const MIN_CONTAINED = 3;

/** The stages of a search, in their order. */
export function stagesOf({ owner }: SearchOptions): readonly Stage[] {
  return owner === undefined
    ? [named, withWord, withPrefix, ofOwners, containing]
    : [ofOwner];
}

/** Repositories of exactly that name, the most popular first. */
async function* named(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { reading, query: { text }, at } = deps;
  if (text === "" || text.includes(" ")) return;
  const rows = await reading.list(
    { prefix: searchKeys.names(text) },
    SORTED,
  );
  const refs = rows.map(({ key }) => ({ did: key.at(-1) as Did, repo: text }));
  const cards = await reading.many<CardRow>(
    refs.map(({ did, repo }) => cardKeys.card(did, repo)),
  );
  const order = refs.map((ref, i) => {
    const card = cards[i];
    return { ref, bucket: card ? bucketOf(card) : Infinity };
  }).sort((a, b) => a.bucket - b.bucket);
  yield* inParts(
    order.slice(placeOf(at)).map(({ ref }, i) => ({
      ...ref,
      next: String(placeOf(at) + i + 1),
    })),
  );
}

/** Repositories with the word itself, the most popular first. */
async function* withWord(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { query: { first, text }, at } = deps;
  const prefix = searchKeys.words(first);
  const found = chunks<ArtifactKind>(deps.reading, prefix, keyOf(at));
  for await (const rows of found) {
    yield rows.map(({ key, value: kind }) => ({
      ...refOf(key),
      kind,
      next: JSON.stringify(key.slice(prefix.length)),
      belongs: () => key.at(-1) !== text,
    }));
  }
}

/** Repositories with a word that begins so; those of a few hundred rows are put in order. */
async function* withPrefix(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { reading, query: { first, text }, at } = deps;
  if (first === "") return;
  const { from, skip } = rangeOf(at);
  let start = from ?? searchKeys.words(`${first}\0`);
  const end = searchKeys.words(`${first}\u{10ffff}`);
  let done = skip;
  for (;;) {
    const rows = await reading.list<ArtifactKind>({ start, end }, SORTED);
    const sorted = rows
      .toSorted((a, b) => Number(a.key[4]) - Number(b.key[4]))
      .map(({ key, value: kind }, i): Candidate => ({
        ...refOf(key),
        kind,
        next: JSON.stringify([start, i + 1]),
        // A repository with several such words stands at the first of them.
        belongs: (words) => {
          const alike = [...words].filter((word) => word.startsWith(first));
          return !words.has(first) && key.at(-1) !== text &&
            alike.sort()[0] === key[3];
        },
      }));
    yield* inParts(sorted.slice(done));
    const last = rows.at(-1)?.key;
    if (rows.length < SORTED || !last) return;
    start = [...last.slice(0, -1), `${String(last.at(-1))}\0`];
    done = 0;
  }
}

/** Repositories of owners who are called so, the newest of each first. */
async function* ofOwners(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { reading, query: { first }, at } = deps;
  if (first === "") return;
  const start = searchKeys.ownerWords(first);
  const end = searchKeys.ownerWords(`${first}\u{10ffff}`);
  const rows = await reading.list({ start, end }, MAX_OWNERS);
  const owners = [...new Set(rows.map(({ key }) => key.at(-1) as Did))];
  for (let i = placeOf(at); i < owners.length; i++) {
    const did = owners[i];
    if (!did) return;
    const prefix = cardKeys.allUpdatedOf(did);
    const some = await reading.list<OrderRow>({ prefix }, MAX_OF_OWNER);
    yield some.map(({ key, value }) => ({
      ...placedCard({ did, repo: String(key.at(-1)) }, value),
      next: String(i + 1),
      belongs: (words) => ![...words].some((word) => word.startsWith(first)),
    }));
  }
}

/** Repositories with the text within their names. */
async function* containing(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { reading, names, query: { first, text }, at } = deps;
  if (first.length < MIN_CONTAINED) return;
  const found = await names.containing(
    text.includes(" ") ? first : text,
    MAX_NAMES,
  );
  for (let i = placeOf(at); i < found.length; i++) {
    const repo = found[i] ?? "";
    const rows = await reading.list(
      { prefix: searchKeys.names(repo) },
      MAX_OF_OWNER,
    );
    yield rows.map(({ key }) => ({
      did: key.at(-1) as Did,
      repo,
      next: String(i + 1),
      belongs: (words) =>
        repo !== text && ![...words].some((word) => word.startsWith(first)),
    }));
  }
}

/** Repositories of the one owner that is asked for. */
async function* ofOwner(deps: StageDeps): AsyncGenerator<Candidate[]> {
  const { options: { owner }, at } = deps;
  if (owner === undefined) return;
  const prefix = cardKeys.allUpdatedOf(owner);
  for await (const rows of chunks<OrderRow>(deps.reading, prefix, keyOf(at))) {
    yield rows.map(({ key, value }) => ({
      ...placedCard({ did: owner, repo: String(key.at(-1)) }, value),
      next: JSON.stringify(key.slice(prefix.length)),
    }));
  }
}

async function* chunks<T>(
  reading: Reading,
  prefix: Key,
  from: Key | undefined,
): AsyncGenerator<Entry<T>[]> {
  let last = from;
  for (;;) {
    const rows = await reading.list<T>(after(prefix, last), CHUNK);
    yield rows;
    last = rows.at(-1)?.key.slice(prefix.length);
    if (rows.length < CHUNK || !last) return;
  }
}

function* inParts(all: readonly Candidate[]): Generator<Candidate[]> {
  for (let i = 0; i < all.length; i += CHUNK) yield all.slice(i, i + CHUNK);
}

function refOf(key: Key): { did: Did; repo: string } {
  return { did: key.at(-2) as Did, repo: String(key.at(-1)) };
}

/** A number in a cursor; what is none begins again. */
function placeOf(at: string | undefined): number {
  const place = Number(at ?? 0);
  return Number.isSafeInteger(place) && place >= 0 ? place : 0;
}

/** Key parts in a cursor. */
function keyOf(at: string | undefined): Key | undefined {
  const value = parsed(at);
  return isKey(value) ? value : undefined;
}

function rangeOf(
  at: string | undefined,
): { from: Key | undefined; skip: number } {
  const value = parsed(at);
  const [from, skip] = Array.isArray(value) ? value : [];
  // Nobody is let into other rows than those of words.
  const isWords = isKey(from) && from.length >= 4 &&
    searchKeys.allWords().every((part, i) => from[i] === part);
  return isWords
    ? { from, skip: placeOf(String(skip)) }
    : { from: undefined, skip: 0 };
}

function parsed(at: string | undefined): unknown {
  try {
    return at === undefined ? undefined : JSON.parse(at);
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is Key {
  return Array.isArray(value) && value.length <= 8 &&
    value.every((part) => ["string", "number"].includes(typeof part));
}
