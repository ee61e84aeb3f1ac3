/**
 * Changes to the rows of one repository: its tags, its card, and its places in
 * orders and search. All of them go into one commit that checks the card, so
 * that they apply one after another, whichever instance makes them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { writeSearchRows } from "../search/search_rows.ts";
import { cardKeys, formerOrderTime, timeOfPart } from "./kv_keys.ts";
import { imageRow } from "./manifest_facts.ts";
import type { CardRow, FactsRow, MoveRow, TagClaim, TagRow } from "./rows.ts";

/** A repository of an owner. */
export interface RepoRef {
  readonly did: Did;
  readonly repo: string;
}

/** A tag with its row before and after the change; undefined: there is none. */
export interface TagEdit {
  readonly tag: string;
  readonly before: TagRow | undefined;
  readonly after: TagRow | undefined;
  /** How the move is noted; undefined: it is not. */
  readonly move?: MoveNote | undefined;
}

/** What changes in a repository. */
export interface RepositoryEdit {
  readonly ref: RepoRef;
  /** As it was read before the tags. */
  readonly card: Entry<CardRow> | undefined;
  readonly tags: readonly TagEdit[];
  /** Facts of manifests that are stored by the same commit, or gone by it. */
  readonly facts?: ReadonlyMap<Digest, FactsRow | undefined>;
}

/** How a move is noted. */
export interface MoveNote extends Pick<MoveRow, "by" | "rev"> {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Moves of tags are kept for two years, in milliseconds. */
const MOVE_KEPT_MS = 2 * 365 * 86_400_000;

/** A card of which nothing is known yet. */
export const EMPTY_CARD: CardRow = { tags: 0, stars: 0, pulls: 0 };

/** Adds `edit` to `commit`. What is not part of the edit is read from `kv`. */
export async function addEdit(
  kv: Kv,
  commit: Atomic,
  edit: RepositoryEdit,
): Promise<void> {
  const { ref, tags } = edit;
  const before = edit.card?.value ?? EMPTY_CARD;
  let change = 0;
  for (const one of tags) {
    writeTag(commit, ref, one);
    change += Number(one.after !== undefined) -
      Number(one.before !== undefined);
    noteMove(commit, ref, one);
  }
  const newest = await newestAfter(kv, edit, before);
  const image = newest &&
    await imageAfter(kv, commit, edit, before, newest.digest);
  const { newest: _, image: __, ...rest } = before;
  const after: CardRow = {
    ...rest,
    tags: before.tags + change,
    ...(newest ? { newest } : {}),
    ...(image ? { image } : {}),
  };
  if (change !== 0) commit.sum(cardKeys.count(ref.did, "tags"), BigInt(change));
  writeCard(commit, ref, edit.card, after);
}

/** Replaces a card with everything that follows from it, unless it changed since it was read. */
export function writeCard(
  commit: Atomic,
  ref: RepoRef,
  read: Entry<CardRow> | undefined,
  after: CardRow,
): void {
  replaceCard(commit, ref, read, after);
  const before = read?.value;
  const count = Number(after.tags > 0) - Number((before?.tags ?? 0) > 0);
  if (count !== 0) {
    commit.sum(cardKeys.count(ref.did, "repositories"), BigInt(count));
  }
  const was = before && isShown(before) ? before : undefined;
  const is = isShown(after) ? after : undefined;
  const [from, to] = [was?.newest?.at, is?.newest?.at];
  if (from !== undefined) {
    for (const at of new Set([from, formerOrderTime(from)])) {
      if (at !== to) removePlace(commit, ref, at);
    }
  }
  if (is) setPlace(commit, ref, is);
  writeSearchRows(commit, ref, was, is);
}

function removePlace(
  commit: Atomic,
  { did, repo }: RepoRef,
  at: number,
): void {
  commit.delete(cardKeys.updated(at, did, repo))
    .delete(cardKeys.updatedOf(did, at, repo));
}

function setPlace(
  commit: Atomic,
  { did, repo }: RepoRef,
  card: CardRow,
): void {
  if (!card.newest) return;
  const { at } = card.newest;
  commit.set(cardKeys.updated(at, did, repo), card)
    .set(cardKeys.updatedOf(did, at, repo), card);
}

/** Writes the row of a card, or removes it when it says nothing. */
function replaceCard(
  commit: Atomic,
  { did, repo }: RepoRef,
  read: Entry<CardRow> | undefined,
  after: CardRow,
): void {
  const key = cardKeys.card(did, repo);
  commit.check(key, read?.versionstamp ?? null);
  if (isWorthKeeping(after)) commit.set(key, after);
  else if (read) commit.delete(key);
}

/** As {@linkcode writeCard}, with all rows that have to be there, whether or not they are. */
export function rewriteCard(
  commit: Atomic,
  ref: RepoRef,
  read: Entry<CardRow> | undefined,
  after: CardRow,
): void {
  replaceCard(commit, ref, read, after);
  if (!isShown(after)) return;
  setPlace(commit, ref, after);
  writeSearchRows(commit, ref, undefined, after);
}

/** Whether a repository appears in lists. */
export function isShown({ tags, image, hidden }: CardRow): boolean {
  return tags > 0 && image !== undefined && !hidden;
}

/** Whether a card says anything. */
function isWorthKeeping({ tags, page, stars, pulls }: CardRow): boolean {
  return tags > 0 || page !== undefined || stars > 0 || pulls > 0;
}

function writeTag(
  commit: Atomic,
  { did, repo }: RepoRef,
  { tag, before, after }: TagEdit,
): void {
  const [was, is] = [before?.[0], after?.[0]];
  const key = cardKeys.tag(did, repo, tag);
  if (after) commit.set(key, after);
  else if (before) commit.delete(key);
  const isSame = was?.digest === is?.digest;
  if (was && was.at !== is?.at) {
    commit.delete(cardKeys.tagTime(did, repo, was.at, tag));
  }
  if (is && !(isSame && was?.at === is.at)) {
    commit.set(cardKeys.tagTime(did, repo, is.at, tag), is.digest);
  }
  if (isSame) return;
  if (was) commit.delete(cardKeys.digestTag(did, was.digest, repo, tag));
  if (is) commit.set(cardKeys.digestTag(did, is.digest, repo, tag), 1);
}

function noteMove(
  commit: Atomic,
  { did, repo }: RepoRef,
  { tag, before, after, move }: TagEdit,
): void {
  const [from, to] = [before?.[0].digest, after?.[0].digest];
  if (!move || from === to) return;
  const { at, by, rev } = move;
  const row: MoveRow = {
    by,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(rev === undefined ? {} : { rev }),
  };
  commit.set(cardKeys.tagMove(did, repo, tag, at), row, {
    expiresAt: at + MOVE_KEPT_MS,
  });
}

type Newest = NonNullable<CardRow["newest"]>;

/** The newest tag when `edit` is done. */
async function newestAfter(
  kv: Kv,
  { ref, tags }: RepositoryEdit,
  { newest: known }: CardRow,
): Promise<Newest | undefined> {
  const edited = new Set(tags.map(({ tag }) => tag));
  let best: Newest | undefined;
  for (const { tag, after } of tags) {
    if (after) best = newer(best, newestOf(tag, after[0]));
  }
  if (!known) return best;
  if (!edited.has(known.tag)) return newer(best, known);
  // No other tag is newer than the one that was the newest.
  if (best && comesBefore(best, known)) return best;
  const prefix = cardKeys.tagTimes(ref.did, ref.repo);
  const limit = edited.size + 1;
  for await (const { key, value } of kv.list<Digest>({ prefix }, { limit })) {
    const tag = String(key.at(-1));
    if (edited.has(tag)) continue;
    return newer(best, { tag, digest: value, at: timeOfPart(key.at(-2)) });
  }
  return best;
}

function newestOf(tag: string, { digest, at }: TagClaim): Newest {
  return { tag, digest, at };
}

function newer(a: Newest | undefined, b: Newest): Newest {
  return a && comesBefore(a, b) ? a : b;
}

/** Whether `a` stands before `b` in the order of tags, or in its place. */
function comesBefore(a: Newest, b: Newest): boolean {
  return a.at > b.at || a.at === b.at && a.tag <= b.tag;
}

/** What the card shows of the image behind its newest tag. */
async function imageAfter(
  kv: Kv,
  commit: Atomic,
  { ref, facts }: RepositoryEdit,
  before: CardRow,
  digest: Digest,
) {
  if (facts?.has(digest)) {
    const given = facts.get(digest);
    return given && imageRow(given);
  }
  if (before.newest?.digest === digest) return before.image;
  const key = cardKeys.manifest(ref.did, digest);
  const found = await kv.get<FactsRow>(key);
  if (found) return imageRow(found.value);
  // Who stores the facts later looks for cards that lack them.
  commit.check(key, null);
  return undefined;
}
