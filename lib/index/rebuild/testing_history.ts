/**
 * What owners of a small network do, at random: pushes to a registry and past
 * it, stars, pages and holds, as commits in their repos. For tests.
 *
 * @module
 */

import { create } from "@atcute/tid";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import type { ManualClock } from "../../testing_clock.ts";
import type { OwnChanges } from "../cards/own_changes.ts";
import { HOLD, MANIFEST, TAG } from "../cards/testing_records.ts";
import { CREW } from "../holds/hold_rows.ts";
import type { RecordChange } from "../record_change.ts";
import type { KeptManifest, KeptTag } from "./sources.ts";
import type { Choices } from "./testing_random.ts";
import {
  manifestWrite,
  OWNERS,
  PAGE,
  REPOS,
  someImage,
  someStatement,
  STAR,
  TAGS,
  tagWrite,
  type Write,
} from "./testing_writes.ts";

export interface HistoryDeps {
  readonly clock: ManualClock;
  readonly choices: Choices;
  /** Applies what a push to the registry changes in its index. */
  readonly onOwn: (change: Parameters<OwnChanges["add"]>[1]) => Promise<void>;
}

/** What one owner has, in the repo and in the registry. */
export interface OwnerState {
  readonly records: Map<string, Map<string, Record<string, unknown>>>;
  readonly manifests: Map<string, KeptManifest>;
  readonly tags: Map<string, KeptTag>;
  /** Events, and how many of them were delivered. */
  readonly events: RecordChange[];
  delivered: number;
}

/** The repos, the rows of the registry, and what happens to them. */
export class History {
  readonly #deps: HistoryDeps;
  readonly #choices: Choices;
  readonly #states = new Map<Did, OwnerState>();
  #revisions = 0;

  constructor(deps: HistoryDeps) {
    this.#deps = deps;
    this.#choices = deps.choices;
  }

  /** Of owners that did something. */
  get states(): Iterable<OwnerState> {
    return this.#states.values();
  }

  /** Does one random thing. */
  async step(): Promise<void> {
    if (this.#choices.next() < 0.9) {
      this.#deps.clock.advance(1 + this.#choices.below(5_000));
    }
    const did = this.#choices.of(OWNERS);
    const chance = this.#choices.next();
    if (chance < 0.3) await this.#push(did);
    else if (chance < 0.4) await this.#removeTag(did);
    else if (chance < 0.45) await this.#removeManifest(did);
    else if (chance < 0.7) this.#pushElsewhere(did);
    else if (chance < 0.8) this.#removeElsewhere(did, [MANIFEST, TAG]);
    else if (chance < 0.95) this.#say(did);
    else this.#removeElsewhere(did, [STAR, PAGE, CREW]);
  }

  state(did: Did): OwnerState {
    const state = this.#states.get(did) ?? {
      records: new Map(),
      manifests: new Map(),
      tags: new Map(),
      events: [],
      delivered: 0,
    };
    this.#states.set(did, state);
    return state;
  }

  /** One commit in an owner's repo. */
  #commit(
    did: Did,
    writes: readonly Write[],
  ): void {
    const state = this.state(did);
    const at = this.#deps.clock.now();
    const rev = create(at * 1_000 + this.#revisions++ % 1_000, 1);
    for (const { collection, rkey, record } of writes) {
      const records = recordsOf(state, collection);
      if (record) records.set(rkey, record);
      else records.delete(rkey);
      state.events.push({ did, collection, rkey, rev, cid: "", at, record });
    }
  }

  /** A push to the registry, which writes the records first. */
  async #push(did: Did): Promise<void> {
    const state = this.state(did);
    const at = this.#deps.clock.now();
    const repo = this.#choices.of(REPOS);
    const bytes = someImage(this.#choices);
    const digest = digestOf(bytes);
    const names = new Set(
      Array.from(
        { length: this.#choices.below(3) },
        () => this.#choices.of(TAGS),
      ),
    );
    const key = `${repo} ${digest}`;
    const createdAt = state.manifests.get(key)?.createdAt ?? at;
    const kept: KeptManifest = {
      ...{ repo, digest, holdDid: HOLD, createdAt, rkey: undefined },
      manifest: parseManifest(bytes),
    };
    const tags = [...names].map((tag): KeptTag => {
      const rkey = this.#placeOf(state, repo, tag);
      return { repo, tag, digest, at, rkey };
    });
    this.#commit(did, [
      manifestWrite(repo, bytes, createdAt),
      ...tags.map((one) => tagWrite(did, one)),
    ]);
    state.manifests.set(key, kept);
    for (const one of tags) state.tags.set(`${repo} ${one.tag}`, one);
    await this.#deps.onOwn({
      ...{ did, repo, stored: kept },
      tags: tags.map(({ tag, rkey }) => ({ tag, rkey, to: { digest, at } })),
    });
  }

  /** Where a tag's record stands: keys of two tags can collide. */
  #placeOf(state: OwnerState, repo: string, tag: string): string {
    const known = state.tags.get(`${repo} ${tag}`)?.rkey;
    if (known) return known;
    const rkey = tagRkey(repo, tag);
    const there = recordsOf(state, TAG).get(rkey);
    const isFree = !there ||
      there["repository"] === repo && there["tag"] === tag;
    return isFree ? rkey : `${repo.replaceAll("/", "~")}:${tag}`;
  }

  async #removeTag(did: Did): Promise<void> {
    const state = this.state(did);
    if (state.tags.size === 0) return;
    const kept = this.#choices.of([...state.tags.values()]);
    this.#commit(did, [{
      collection: TAG,
      rkey: kept.rkey,
      record: undefined,
    }]);
    state.tags.delete(`${kept.repo} ${kept.tag}`);
    const { tag, rkey } = kept;
    const tags = [{ tag, rkey, to: undefined }];
    await this.#deps.onOwn({ did, repo: kept.repo, tags });
  }

  async #removeManifest(did: Did): Promise<void> {
    const state = this.state(did);
    if (state.manifests.size === 0) return;
    const { repo, digest } = this.#choices.of([...state.manifests.values()]);
    state.manifests.delete(`${repo} ${digest}`);
    const gone = [...state.tags.values()].filter((one) =>
      one.repo === repo && one.digest === digest
    );
    const [heir] = [...state.manifests.values()]
      .filter((one) => one.digest === digest).map((one) => one.repo).sort();
    const rkey = manifestRkey(digest);
    const record = recordsOf(state, MANIFEST).get(rkey);
    this.#commit(did, [
      ...gone.map((one) => ({
        ...{ collection: TAG, rkey: one.rkey, record: undefined },
      })),
      {
        ...{ collection: MANIFEST, rkey },
        record: heir === undefined || !record
          ? undefined
          : { ...record, repository: heir },
      },
    ]);
    for (const one of gone) state.tags.delete(`${repo} ${one.tag}`);
    await this.#deps.onOwn({ did, repo, removed: { digest, heir } });
    const tags = gone.map((one) => ({
      ...{ tag: one.tag, rkey: one.rkey, to: undefined },
    }));
    await this.#deps.onOwn({ did, repo, tags });
  }

  /** A push through another registry. */
  #pushElsewhere(did: Did): void {
    const repo = this.#choices.of(REPOS);
    const bytes = someImage(this.#choices);
    const digest = digestOf(bytes);
    const tag = this.#choices.of(TAGS);
    const rkey = this.#choices.next() < 0.3
      ? `other-${tag}`
      : tagRkey(repo, tag);
    const at = this.#deps.clock.now();
    const manifest = manifestWrite(repo, bytes, at);
    const writes = [tagWrite(did, { repo, tag, digest, at, rkey })];
    this.#commit(
      did,
      this.#choices.next() < 0.8 ? [manifest, ...writes] : writes,
    );
    const state = this.state(did);
    // The registry looks at the owner's repo before it serves a tag.
    for (const [key, kept] of state.tags) {
      if (kept.rkey === rkey) state.tags.delete(key);
    }
  }

  /** A star, a page, or a hold with its crew. */
  #say(did: Did): void {
    this.#commit(did, [
      someStatement(this.#choices, this.#deps.clock.now()),
    ]);
  }

  #removeElsewhere(did: Did, collections: readonly string[]): void {
    const state = this.state(did);
    const collection = this.#choices.of(collections);
    const rkeys = [...recordsOf(state, collection).keys()];
    if (rkeys.length === 0) return;
    const rkey = this.#choices.of(rkeys);
    this.#commit(did, [{ collection, rkey, record: undefined }]);
    for (const [key, kept] of state.tags) {
      if (collection === TAG && kept.rkey === rkey) state.tags.delete(key);
    }
    for (const [key, kept] of state.manifests) {
      const isGone = collection === MANIFEST &&
        manifestRkey(kept.digest) === rkey;
      if (isGone) state.manifests.delete(key);
    }
  }
}

/** Records of a collection, by rkey. */
export function recordsOf(state: OwnerState, collection: string) {
  const records = state.records.get(collection) ?? new Map();
  state.records.set(collection, records);
  return records;
}
