/**
 * The rows by which a repository is found.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { CardRow } from "../cards/rows.ts";
import { searchKeys } from "./kv_keys.ts";
import { repositoryWords } from "./words.ts";

/** A star is worth so many pulls. */
const PULLS_OF_A_STAR = 50;

const LAST_BUCKET = 31;

/**
 * Popularity in steps of two, the most popular first: rows move a few times in
 * the life of a repository, not with every pull.
 */
export function bucketOf({ stars, pulls }: CardRow): number {
  const score = 1 + stars * PULLS_OF_A_STAR + pulls;
  return LAST_BUCKET - Math.min(LAST_BUCKET, Math.floor(Math.log2(score)));
}

/** What words a shown repository is found by. */
export function wordsOfCard(repo: string, card: CardRow): ReadonlySet<string> {
  return repositoryWords(repo, [
    card.image?.notes?.title,
    card.page?.line ?? card.image?.notes?.description,
  ]);
}

/** The texts behind {@linkcode wordsOfCard}, spelled as words are. */
export function textOfCard(repo: string, { image, page }: CardRow): string {
  const line = page?.line ?? image?.notes?.description ?? "";
  return `${repo} ${image?.notes?.title ?? ""} ${line}`.normalize("NFKC")
    .toLowerCase();
}

/** Replaces the rows of `before` by those of `after`; undefined: the repository is not found. */
export function writeSearchRows(
  commit: Atomic,
  { did, repo }: { readonly did: Did; readonly repo: string },
  before: CardRow | undefined,
  after: CardRow | undefined,
): void {
  if (before && after && isFoundAlike(before, after)) return;
  const old = before ? found(repo, before) : NOT_FOUND;
  const next = after ? found(repo, after) : NOT_FOUND;
  const isMoved = old.bucket !== next.bucket || old.kind !== next.kind;
  for (const word of old.words) {
    if (!isMoved && next.words.has(word)) continue;
    commit.delete(searchKeys.word(word, old.bucket, did, repo));
  }
  for (const word of next.words) {
    if (!isMoved && old.words.has(word)) continue;
    commit.set(searchKeys.word(word, next.bucket, did, repo), next.kind);
  }
  if (before && after) return;
  const name = searchKeys.name(repo, did);
  if (after) commit.set(name, 1);
  else commit.delete(name);
}

const NOT_FOUND = { bucket: 0, kind: undefined, words: new Set<string>() };

function found(repo: string, card: CardRow) {
  return {
    bucket: bucketOf(card),
    kind: card.image?.kind,
    words: new Set(["", ...wordsOfCard(repo, card)]),
  };
}

function isFoundAlike(a: CardRow, b: CardRow): boolean {
  return a.image?.kind === b.image?.kind && a.stars === b.stars &&
    a.pulls === b.pulls &&
    a.page?.line === b.page?.line &&
    a.image?.notes?.title === b.image?.notes?.title &&
    a.image?.notes?.description === b.image?.notes?.description;
}
