/**
 * A small network with a registry of its own, that does random things and
 * whose stream breaks, for tests.
 *
 * @module
 */

import { create } from "@atcute/tid";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { writePage } from "../../atproto/records/page_record.ts";
import {
  manifestRkey,
  pageRkey,
  tagRkey,
} from "../../atproto/records/rkeys.ts";
import { writeStar } from "../../atproto/records/star_record.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { OwnChanges } from "../cards/own_changes.ts";
import {
  ALICE,
  BOB,
  HOLD,
  imageBytes,
  indexBytes,
  MANIFEST,
  manifestRecord,
  TAG,
} from "../cards/testing_records.ts";
import { CAPTAIN, CREW } from "../holds/hold_rows.ts";
import { CAPTAIN_RECORD, crewRecord } from "../holds/testing_holds.ts";
import type { RecordChange } from "../record_change.ts";
import { Rebuild } from "./rebuild.ts";
import type { KeptManifest, KeptTag, RebuildSources } from "./sources.ts";
import { applyAll, indexOver } from "./testing_index.ts";

const CAROL: Did = "did:plc:carolcarolcarolcarolca22";
const OWNERS = [ALICE, BOB, CAROL];
const { star: STAR, page: PAGE } = OWNER_COLLECTIONS;
const REPOS = ["app", "team/web_app", "db", "a_b"];
const TAGS = ["latest", "v1", "v2", "v1_2", "b_c", "nightly"];

/** Numbers that look random, and are the same for one seed. */
export function randomly(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What one owner has, in the repo and in the registry. */
interface OwnerState {
  readonly records: Map<string, Map<string, Record<string, unknown>>>;
  readonly manifests: Map<string, KeptManifest>;
  readonly tags: Map<string, KeptTag>;
  /** Events, and how many of them were delivered. */
  readonly events: RecordChange[];
  delivered: number;
}

/** The network and its history. */
export class World {
  readonly clock = new ManualClock();
  readonly kv: Kv;
  readonly #random: () => number;
  readonly #states = new Map<Did, OwnerState>();
  readonly #index: ReturnType<typeof indexOver>;
  #revisions = 0;
  /** Owners whose repos cannot be listed. */
  readonly down = new Set<Did>();

  /** Most events that are delivered together. */
  readonly #together: number;

  private constructor(
    kv: Kv,
    clock: ManualClock,
    seed: number,
    together: number,
  ) {
    this.kv = kv;
    this.#together = together;
    this.clock = clock;
    this.#random = randomly(seed);
    this.#index = indexOver(kv, clock);
  }

  static async start(seed: number, together = 1): Promise<World> {
    const clock = new ManualClock();
    const kv = await openKv(":memory:", clock);
    return new World(kv, clock, seed, together);
  }

  /** Does `count` random things. */
  async live(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      if (this.#random() < 0.9) this.clock.advance(1 + this.#below(5_000));
      const did = this.#of(OWNERS);
      const chance = this.#random();
      if (chance < 0.3) await this.#push(did);
      else if (chance < 0.4) await this.#removeTag(did);
      else if (chance < 0.45) await this.#removeManifest(did);
      else if (chance < 0.7) this.#pushElsewhere(did);
      else if (chance < 0.8) this.#removeElsewhere(did, [MANIFEST, TAG]);
      else if (chance < 0.95) this.#say(did);
      else this.#removeElsewhere(did, [STAR, PAGE, CREW]);
      await this.#deliver();
    }
  }

  /** Delivers what is left of the stream. */
  async settle(): Promise<void> {
    for (const state of this.#states.values()) {
      while (state.delivered < state.events.length) await this.#next(state, 12);
    }
  }

  /** What a rebuild of `kv` reads. */
  rebuild(kv: Kv): Rebuild {
    const { clock } = this;
    const { handlers } = indexOver(kv, clock);
    const sources: RebuildSources = {
      owners: (last) => listed(OWNERS.filter((did) => !last || did > last)),
      manifests: (did) => listed(this.#state(did).manifests.values()),
      tags: (did) => listed(this.#state(did).tags.values()),
      records: (did, collection) => this.#list(did, collection),
    };
    return new Rebuild({
      ...{ kv, clock, sources, handlers },
      log: silentLogger,
    });
  }

  #list(did: Did, collection: string) {
    if (this.down.has(did)) {
      throw new AppError("UPSTREAM_FAILED", "The PDS is down.");
    }
    const all = this.#records(this.#state(did), collection);
    return listed([...all].map(([rkey, value]) => ({ rkey, value })));
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #of<T>(some: readonly T[]): T {
    const one = some[this.#below(some.length)];
    if (one === undefined) throw new Error("nothing to choose from");
    return one;
  }

  #state(did: Did): OwnerState {
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

  #records(state: OwnerState, collection: string) {
    const records = state.records.get(collection) ?? new Map();
    state.records.set(collection, records);
    return records;
  }

  /** One commit in an owner's repo. */
  #commit(
    did: Did,
    writes: readonly {
      collection: string;
      rkey: string;
      record: Record<string, unknown> | undefined;
    }[],
  ): void {
    const state = this.#state(did);
    const at = this.clock.now();
    const rev = create(at * 1_000 + this.#revisions++ % 1_000, 1);
    for (const { collection, rkey, record } of writes) {
      const records = this.#records(state, collection);
      if (record) records.set(rkey, record);
      else records.delete(rkey);
      state.events.push({ did, collection, rkey, rev, cid: "", at, record });
    }
  }

  #image(): Uint8Array<ArrayBuffer> {
    const number = this.#below(30);
    const image = imageBytes(`image ${number}`, [`l${number % 4}`], {
      "org.opencontainers.image.description": `word${number % 5} and so on`,
    });
    return number < 6
      ? indexBytes([{ digest: digestOf(image), platform: "linux/amd64" }])
      : image;
  }

  #manifestWrite(repo: string, bytes: Uint8Array<ArrayBuffer>, at: number) {
    return {
      collection: MANIFEST,
      rkey: manifestRkey(digestOf(bytes)),
      record: manifestRecord(repo, bytes, at),
    };
  }

  #tagWrite(did: Did, repo: string, tag: string, digest: Digest, rkey: string) {
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const facts = { did, repository: repo, tag, digest, mediaType };
    const record = writeTag({ ...facts, now: this.clock.now() });
    return { collection: TAG, rkey, record };
  }

  /** A push to the registry, which writes the records first. */
  async #push(did: Did): Promise<void> {
    const state = this.#state(did);
    const at = this.clock.now();
    const repo = this.#of(REPOS);
    const bytes = this.#image();
    const digest = digestOf(bytes);
    const names = new Set(
      Array.from({ length: this.#below(3) }, () => this.#of(TAGS)),
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
      this.#manifestWrite(repo, bytes, createdAt),
      ...tags.map(({ tag, rkey }) =>
        this.#tagWrite(did, repo, tag, digest, rkey)
      ),
    ]);
    state.manifests.set(key, kept);
    for (const one of tags) state.tags.set(`${repo} ${one.tag}`, one);
    await this.#own({
      ...{ did, repo, stored: kept },
      tags: tags.map(({ tag, rkey }) => ({ tag, rkey, to: { digest, at } })),
    });
  }

  /** Where a tag's record stands: keys of two tags can collide. */
  #placeOf(state: OwnerState, repo: string, tag: string): string {
    const known = state.tags.get(`${repo} ${tag}`)?.rkey;
    if (known) return known;
    const rkey = tagRkey(repo, tag);
    const there = this.#records(state, TAG).get(rkey);
    const isFree = !there ||
      there["repository"] === repo && there["tag"] === tag;
    return isFree ? rkey : `${repo.replaceAll("/", "~")}:${tag}`;
  }

  async #removeTag(did: Did): Promise<void> {
    const state = this.#state(did);
    if (state.tags.size === 0) return;
    const kept = this.#of([...state.tags.values()]);
    this.#commit(did, [{
      collection: TAG,
      rkey: kept.rkey,
      record: undefined,
    }]);
    state.tags.delete(`${kept.repo} ${kept.tag}`);
    const { tag, rkey } = kept;
    const tags = [{ tag, rkey, to: undefined }];
    await this.#own({ did, repo: kept.repo, tags });
  }

  async #removeManifest(did: Did): Promise<void> {
    const state = this.#state(did);
    if (state.manifests.size === 0) return;
    const { repo, digest } = this.#of([...state.manifests.values()]);
    state.manifests.delete(`${repo} ${digest}`);
    const gone = [...state.tags.values()].filter((one) =>
      one.repo === repo && one.digest === digest
    );
    const [heir] = [...state.manifests.values()]
      .filter((one) => one.digest === digest).map((one) => one.repo).sort();
    const rkey = manifestRkey(digest);
    const record = this.#records(state, MANIFEST).get(rkey);
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
    await this.#own({ did, repo, removed: { digest, heir } });
    const tags = gone.map((one) => ({
      ...{ tag: one.tag, rkey: one.rkey, to: undefined },
    }));
    await this.#own({ did, repo, tags });
  }

  /** A push through another registry. */
  #pushElsewhere(did: Did): void {
    const repo = this.#of(REPOS);
    const bytes = this.#image();
    const digest = digestOf(bytes);
    const tag = this.#of(TAGS);
    const rkey = this.#random() < 0.3 ? `other-${tag}` : tagRkey(repo, tag);
    const manifest = this.#manifestWrite(repo, bytes, this.clock.now());
    const writes = [this.#tagWrite(did, repo, tag, digest, rkey)];
    this.#commit(did, this.#random() < 0.8 ? [manifest, ...writes] : writes);
    const state = this.#state(did);
    // The registry looks at the owner's repo before it serves a tag.
    for (const [key, kept] of state.tags) {
      if (kept.rkey === rkey) state.tags.delete(key);
    }
  }

  /** A star, a page, or a hold with its crew. */
  #say(did: Did): void {
    const at = this.clock.now();
    const repo = this.#of(REPOS);
    const write = this.#of([
      () => ({
        collection: STAR,
        // Two records may stand for one star.
        rkey: `${repo.replaceAll("/", "~")}-${this.#below(2)}`,
        record: writeStar({ did: this.#of(OWNERS), repo, createdAt: at }),
      }),
      () => ({
        collection: PAGE,
        rkey: pageRkey(repo),
        record: writePage({
          repository: repo,
          description: "word ".repeat(this.#below(2) * 15_000 + 3),
          avatar: undefined,
          userEdited: true,
          createdAt: at,
          updatedAt: at,
        }),
      }),
      () => ({
        collection: CAPTAIN,
        rkey: "self",
        record: { ...CAPTAIN_RECORD, owner: this.#of(OWNERS) },
      }),
      () => ({
        collection: CREW,
        rkey: `member-${this.#below(4)}`,
        record: crewRecord(this.#of(OWNERS)),
      }),
    ])();
    this.#commit(did, [write]);
  }

  #removeElsewhere(did: Did, collections: readonly string[]): void {
    const state = this.#state(did);
    const collection = this.#of(collections);
    const rkeys = [...this.#records(state, collection).keys()];
    if (rkeys.length === 0) return;
    const rkey = this.#of(rkeys);
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

  async #own(change: Parameters<OwnChanges["add"]>[1]): Promise<void> {
    const { kv } = this;
    const { own } = this.#index;
    const commit = kv.atomic();
    const found = await kv.getMany<unknown>(own.reads(change));
    await own.add(commit, change, found);
    if (!await commit.commit()) throw new Error("nobody else writes");
  }

  /** Some of the stream, which now and then begins again before where it was. */
  async #deliver(): Promise<void> {
    for (const state of this.#states.values()) {
      if (this.#random() < 0.05) {
        state.delivered = Math.max(0, state.delivered - this.#below(20));
      }
      await this.#next(state, this.#below(4));
    }
  }

  /** The next events, of which some come twice. */
  async #next(state: OwnerState, count: number): Promise<void> {
    const { handlers } = this.#index;
    const events = state.events.slice(state.delivered, state.delivered + count)
      .flatMap((event) => this.#random() < 0.1 ? [event, event] : [event]);
    state.delivered = Math.min(state.delivered + count, state.events.length);
    for (const some of ofDifferentRecords(events, this.#together)) {
      const [one] = some;
      if (one) await applyAll(handlers, one.did, some);
    }
  }
}

/** Parts of at most `limit` events in which no record occurs twice. */
function* ofDifferentRecords(
  events: readonly RecordChange[],
  limit: number,
): Generator<RecordChange[]> {
  let part = new Map<string, RecordChange>();
  for (const event of events) {
    const name = `${event.collection} ${event.rkey}`;
    if (part.size === limit || part.has(name)) {
      yield [...part.values()];
      part = new Map();
    }
    part.set(name, event);
  }
  yield [...part.values()];
}

async function* listed<T>(some: Iterable<T>): AsyncGenerator<T> {
  yield* [...some];
}
