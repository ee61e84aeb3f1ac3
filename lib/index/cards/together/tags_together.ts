/**
 * Records of tags of one account, applied in one commit for each repository.
 * That is the way of what nearly all records are; anything else is left to be
 * applied alone, see {@linkcode TagRecords}.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../../atproto/records/collections.ts";
import type { Did } from "../../../did.ts";
import type { Entry, Key, Kv } from "../../../kv/kv.ts";
import { KV_LIMITS } from "../../../kv/limits.ts";
import type { RecordChange } from "../../record_change.ts";
import { cardKeys } from "../kv_keys.ts";
import { namedTag } from "../record_facts.ts";
import { addEdit, type TagEdit } from "../repository_edit.ts";
import { isOlder } from "../revision.ts";
import { placesOfRkey, type TagPlace } from "../rkey_tags.ts";
import type { CardRow, TagRow } from "../rows.ts";
import { claimOf, withClaim, withoutClaim } from "../tag_claims.ts";
import {
  claimFor,
  isSameClaim,
  isSameTag,
  moveOf,
  noteRecord,
  type TagTarget,
} from "./tag_change.ts";

export interface TagsTogetherDeps {
  kv: Kv;
  /** Tags and repositories that one owner may have by way of the network. */
  maxTags: number;
  maxRepositories: number;
}

/** A change of a tag that can be applied with others. */
interface Plain {
  readonly change: RecordChange;
  readonly place: TagPlace;
  /** Undefined when the record was deleted. */
  readonly target: TagTarget | undefined;
  /** Other tags that the key of the record can stand for. */
  readonly others: readonly TagPlace[];
}

/** What is stored of the tag, and of the record. */
interface Stored {
  readonly row: TagRow | undefined;
  readonly goneRev: string | undefined;
  readonly isMapped: boolean;
}

const { tag: TAG } = OWNER_COLLECTIONS;

/** Bytes of keys in one commit; five rows for each tag have about 100 bytes besides the names. */
const MAX_KEY_BYTES = KV_LIMITS.commitKeyBytes / 2;
const ROWS_OF_TAG = 5;
const KEY_BYTES = 100;

/** Applies plain changes of tags. */
export class TagsTogether {
  readonly #deps: TagsTogetherDeps;

  constructor(deps: TagsTogetherDeps) {
    this.#deps = deps;
  }

  /** Applies changes of different records of `did`; returns those that are to be applied alone, in order. */
  async apply(
    did: Did,
    changes: readonly RecordChange[],
  ): Promise<readonly RecordChange[]> {
    const plain: Plain[] = [];
    const places = new Set<string>();
    for (const change of changes) {
      const one = plainChange(change);
      if (!one) return changes;
      plain.push(one);
      places.add(`${one.place.repo}:${one.place.tag}`);
    }
    // Two records claim the same tag.
    if (places.size < plain.length) return changes;
    const left = new Set<RecordChange>();
    for (const [repo, all] of Map.groupBy(plain, ({ place }) => place.repo)) {
      for (const some of partsOf(did, all)) {
        if (await this.#commit(did, repo, some)) continue;
        for (const { change } of some) left.add(change);
      }
    }
    return changes.filter((change) => left.has(change));
  }

  /** False when they have to be applied alone, also because others changed the repository meanwhile. */
  async #commit(
    did: Did,
    repo: string,
    plain: readonly Plain[],
  ): Promise<boolean> {
    const { kv } = this.#deps;
    const read = await this.#read(did, repo, plain);
    if (!read) return false;
    const { card, stored } = read;
    const commit = kv.atomic();
    const tags: TagEdit[] = [];
    for (const [i, { change, place, target }] of plain.entries()) {
      const { row, goneRev, isMapped } = stored[i] as Stored;
      const { rev, rkey } = change;
      if (rev !== undefined && goneRev !== undefined && rev <= goneRev) {
        continue;
      }
      const known = claimOf(row, rkey);
      if (isOlder(change, known, target?.at)) continue;
      const claim = target && claimFor(change, target, known);
      if (isSameClaim(known, claim)) continue;
      tags.push({
        tag: place.tag,
        before: row,
        after: claim ? withClaim(row, claim) : withoutClaim(row, rkey),
        move: moveOf(change),
      });
      noteRecord(commit, change, target, isMapped);
    }
    if (tags.length === 0) return true;
    if (!await this.#areAdmitted(did, card, tags)) return false;
    await addEdit(kv, commit, { ref: { did, repo }, card, tags });
    return await commit.commit();
  }

  /** What is stored; undefined when a record claimed another tag before. */
  async #read(did: Did, repo: string, plain: readonly Plain[]) {
    const { kv } = this.#deps;
    const keys: Key[] = [cardKeys.card(did, repo)];
    for (const { change: { rkey }, place, others } of plain) {
      keys.push(
        cardKeys.tag(did, repo, place.tag),
        cardKeys.gone(did, TAG, rkey),
        cardKeys.tagRecord(did, rkey),
        ...others.map((one) => cardKeys.tag(did, one.repo, one.tag)),
      );
    }
    // The commit checks the card, so that it has to be read first.
    const first = await kv.getMany<unknown>(keys.slice(0, KV_LIMITS.readKeys));
    const found = keys.length > first.length
      ? [...first, ...await kv.getMany(keys.slice(first.length))]
      : first;
    const stored: Stored[] = [];
    let next = 1;
    for (const { change: { rkey }, place, others } of plain) {
      const [row, gone, map, ...rows] = found
        .slice(next, next + 3 + others.length).map((entry) => entry?.value);
      next += 3 + others.length;
      if (map !== undefined && !isSameTag(map as TagPlace, place)) return;
      if (rows.some((row) => claimOf(row as TagRow | undefined, rkey))) return;
      stored.push({
        row: row as TagRow | undefined,
        goneRev: gone as string | undefined,
        isMapped: map !== undefined,
      });
    }
    return { card: found[0] as Entry<CardRow> | undefined, stored };
  }

  /** Whether the owner may have that many more tags. */
  async #areAdmitted(
    did: Did,
    card: Entry<CardRow> | undefined,
    tags: readonly TagEdit[],
  ): Promise<boolean> {
    const { kv, maxTags, maxRepositories } = this.#deps;
    const more = tags.filter(({ before, after }) => after && !before).length;
    if (more === 0) return true;
    const count = (what: "tags" | "repositories") =>
      kv.counter(cardKeys.count(did, what));
    const isNew = (card?.value.tags ?? 0) === 0;
    return await count("tags") + BigInt(more) <= maxTags &&
      (!isNew || await count("repositories") < maxRepositories);
  }
}

/** Undefined for what has to be looked at closely. */
function plainChange(change: RecordChange): Plain | undefined {
  const candidates = placesOfRkey(change.rkey);
  if (change.record === undefined) {
    const [place, ...more] = candidates;
    if (!place || more.length > 0) return undefined;
    return { change, place, target: undefined, others: [] };
  }
  const named = namedTag(change.record, change.at);
  if ("reason" in named || named.digest === undefined) return undefined;
  const { repo, tag, digest, at } = named;
  const target = { repo, tag, digest, at };
  const others = candidates.filter((one) => !isSameTag(one, target));
  return { change, place: target, target, others };
}

/** As many as the keys of one commit may be long. */
function* partsOf(did: Did, plain: readonly Plain[]): Generator<Plain[]> {
  let [part, bytes]: [Plain[], number] = [[], 0];
  for (const one of plain) {
    const { place, change } = one;
    const names = did.length + place.repo.length + place.tag.length;
    const more = ROWS_OF_TAG * (names + change.rkey.length + KEY_BYTES);
    if (part.length > 0 && bytes + more > MAX_KEY_BYTES) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(one);
    bytes += more;
  }
  if (part.length > 0) yield part;
}
