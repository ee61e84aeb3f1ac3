/**
 * Records of tags that were written elsewhere, or come back from the network
 * after a push here.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RecordChange } from "../record_change.ts";
import type { IndexWatch } from "../watch.ts";
import { cardKeys } from "./kv_keys.ts";
import { type NamedTag, namedTag } from "./record_facts.ts";
import { addEdit, type TagEdit } from "./repository_edit.ts";
import { isOlder } from "./revision.ts";
import { placesOfRkey, type TagPlace } from "./rkey_tags.ts";
import type { CardRow, TagClaim, TagRow } from "./rows.ts";
import { claimOf, withClaim, withoutClaim } from "./tag_claims.ts";
import {
  claimFor,
  isSameClaim,
  isSameTag,
  moveOf,
  noteRecord,
  type TagTarget,
} from "./together/tag_change.ts";

export interface TagRecordsDeps {
  kv: Kv;
  watch: IndexWatch;
  /** Tags and repositories that one owner may have by way of the network. */
  maxTags: number;
  maxRepositories: number;
}

const { tag: TAG } = OWNER_COLLECTIONS;

/** Others may change the same repository meanwhile. */
const ATTEMPTS = 50;

/** What is stored of a tag and of the record in question. */
interface Place extends TagPlace {
  readonly card: Entry<CardRow> | undefined;
  readonly row: TagRow | undefined;
  readonly claim: TagClaim | undefined;
}

/** Applies records of tags. */
export class TagRecords {
  readonly #deps: TagRecordsDeps;

  constructor(deps: TagRecordsDeps) {
    this.#deps = deps;
  }

  /** Applies one change; an older one than what is known changes nothing. */
  async apply(change: RecordChange): Promise<void> {
    const target = change.record === undefined
      ? undefined
      : await this.#targetOf(change);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (await this.#apply(change, target)) return;
    }
    this.#deps.watch.ignored(TAG, "contention");
  }

  /** What the record says; undefined when it says nothing that can be used, so that what it said before does not count any more. */
  async #targetOf(change: RecordChange): Promise<TagTarget | undefined> {
    const { kv, watch } = this.#deps;
    const named = namedTag(change.record, change.at);
    if ("reason" in named) {
      watch.ignored(TAG, named.reason);
      return undefined;
    }
    const digest = named.digest ?? await this.#digestOf(kv, change.did, named);
    if (digest) return { ...named, digest };
    watch.ignored(TAG, "unknown manifest");
    return undefined;
  }

  /** Some tags name the record of their manifest, which has a key of another making. */
  async #digestOf(
    kv: Kv,
    did: Did,
    { manifestRkey = "" }: NamedTag,
  ): Promise<Digest | undefined> {
    const key = cardKeys.manifestRecord(did, manifestRkey);
    return (await kv.get<Digest>(key))?.value;
  }

  /** False when one of the repositories changed meanwhile. */
  async #apply(
    change: RecordChange,
    target: TagTarget | undefined,
  ): Promise<boolean> {
    const { kv } = this.#deps;
    const { did, rkey, rev } = change;
    const { places, goneRev, isMapped } = await this.#read(
      change,
      target,
    );
    if (rev !== undefined && goneRev !== undefined && rev <= goneRev) {
      return true;
    }
    const known = places.find(({ claim }) => claim !== undefined);
    if (isOlder(change, known?.claim, target?.at)) return true;
    const claim = target && claimFor(change, target, known?.claim);
    const isThere = claim && known && target &&
      isSameTag(known, target) && isSameClaim(known.claim, claim);
    if (isThere || !claim && !known) return true;
    const commit = kv.atomic();
    const changed = places.filter((place) =>
      place.claim !== undefined || target && isSameTag(place, target)
    );
    const move = moveOf(change);
    for (const [repo, some] of Map.groupBy(changed, (place) => place.repo)) {
      const tags: TagEdit[] = [];
      for (const place of some) {
        const isTarget = target !== undefined && isSameTag(place, target);
        if (isTarget && !await this.#isAdmitted(did, place)) return true;
        tags.push({
          tag: place.tag,
          before: place.row,
          after: isTarget && claim
            ? withClaim(place.row, claim)
            : withoutClaim(place.row, rkey),
          move,
        });
      }
      const card = some[0]?.card;
      await addEdit(kv, commit, { ref: { did, repo }, card, tags });
    }
    noteRecord(commit, change, target, isMapped);
    return await commit.commit();
  }

  /** The tags that the record claims, claimed, or may have claimed. */
  async #read({ did, rkey }: RecordChange, target: TagTarget | undefined) {
    const { kv } = this.#deps;
    const mapKey = cardKeys.tagRecord(did, rkey);
    const candidates = placesOfRkey(rkey);
    if (target && !candidates.some((one) => isSameTag(one, target))) {
      candidates.unshift(target);
    }
    // At most nine keys at a time are read as of one moment.
    const some = candidates.slice(0, 3);
    const read = async (wanted: readonly TagPlace[], mapped: boolean) => {
      const found = await kv.getMany<unknown>([
        ...wanted.flatMap(({ repo, tag }) => [
          cardKeys.card(did, repo),
          cardKeys.tag(did, repo, tag),
        ]),
        ...(mapped ? [mapKey, cardKeys.gone(did, TAG, rkey)] : []),
      ]);
      const places = wanted.map(({ repo, tag }, i): Place => {
        const card = found[2 * i] as Entry<CardRow> | undefined;
        const row = (found[2 * i + 1] as Entry<TagRow> | undefined)?.value;
        return { repo, tag, card, row, claim: claimOf(row, rkey) };
      });
      return { places, rest: found.slice(2 * wanted.length) };
    };
    const first = await read(some, true);
    const [map, gone] = first.rest as [
      Entry<TagPlace> | undefined,
      Entry<string> | undefined,
    ];
    const places = [...first.places];
    const more = candidates.slice(3);
    if (map && !candidates.some((one) => isSameTag(one, map.value))) {
      more.push(map.value);
    }
    for (const one of more) places.push(...(await read([one], false)).places);
    return { places, goneRev: gone?.value, isMapped: map !== undefined };
  }

  /** Whether the owner may have one more tag. */
  async #isAdmitted(did: Did, { card, row }: Place): Promise<boolean> {
    const { kv, watch, maxTags, maxRepositories } = this.#deps;
    if (row) return true;
    const count = (what: "tags" | "repositories") =>
      kv.counter(cardKeys.count(did, what));
    const isNew = (card?.value.tags ?? 0) === 0;
    if (
      await count("tags") < maxTags &&
      (!isNew || await count("repositories") < maxRepositories)
    ) return true;
    watch.ignored(TAG, "too many");
    return false;
  }
}
