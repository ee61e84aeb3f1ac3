/**
 * Records of manifests that were written elsewhere, or come back from the
 * network after a push here.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { RecordChange } from "../record_change.ts";
import type { IndexWatch } from "../watch.ts";
import { deleteFacts, setFacts } from "./facts_rows.ts";
import { cardKeys, digestOfPart } from "./kv_keys.ts";
import { imageRow } from "./manifest_facts.ts";
import { type NamedManifest, namedManifest } from "./record_facts.ts";
import { EMPTY_CARD, writeCard } from "./repository_edit.ts";
import { isOlder } from "./revision.ts";
import { repositoriesOf } from "./digest_tags.ts";
import type { CardRow, FactsRow } from "./rows.ts";
import { factsAfter, saysTheSame } from "./together/manifests_together.ts";

export interface ManifestRecordsDeps {
  kv: Kv;
  watch: IndexWatch;
  /** For records that name no hold. */
  defaultHold: Did;
  /** Manifests that one owner may have by way of the network. */
  maxManifests: number;
}

const { manifest: MANIFEST } = OWNER_COLLECTIONS;

/** Others may change the same manifest meanwhile. */
const ATTEMPTS = 50;

/** What the stream repeats is not older than this, in milliseconds. */
const GONE_MS = 3 * 86_400_000;

/** Repositories whose newest tag is looked at when the facts of its manifest change. */
const MAX_REPOSITORIES = 50;

type Facts = Entry<FactsRow>;

/** Applies records of manifests. */
export class ManifestRecords {
  readonly #deps: ManifestRecordsDeps;

  constructor(deps: ManifestRecordsDeps) {
    this.#deps = deps;
  }

  /** Applies one change; an older one than what is known changes nothing. */
  async apply(change: RecordChange): Promise<void> {
    const named = change.record === undefined
      ? undefined
      : this.#namedBy(change);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const digests = await this.#apply(change, named);
      if (!digests) continue;
      // Also where nothing changed: an earlier attempt may have died here.
      await this.refresh(change.did, digests);
      return;
    }
    this.#deps.watch.ignored(MANIFEST, "contention");
  }

  /** Makes the cards right whose newest tag leads to one of `digests`. */
  async refresh(did: Did, digests: readonly Digest[]): Promise<void> {
    for (const digest of digests) await this.#refresh(did, digest);
  }

  #namedBy({ record, at }: RecordChange): NamedManifest | undefined {
    const { watch, defaultHold } = this.#deps;
    const named = namedManifest(record, at, defaultHold);
    if (!("reason" in named)) return named;
    watch.ignored(MANIFEST, named.reason);
    return undefined;
  }

  /** The manifests that the change is about; undefined when they changed meanwhile. */
  async #apply(
    change: RecordChange,
    named: NamedManifest | undefined,
  ): Promise<Digest[] | undefined> {
    const { did, rkey, rev } = change;
    const { goneRev, known } = await this.#read(change, named);
    if (rev !== undefined && goneRev !== undefined && rev <= goneRev) return [];
    const ours = known.filter(({ value, key }) =>
      isRecordOf(value, digestOf(key), rkey)
    );
    const last = ours[0]?.value;
    if (isOlder(change, last && { rev: last.rev, at: last.createdAt })) {
      return [];
    }
    const commit = this.#deps.kv.atomic();
    let isChanged = false;
    const former = ours.filter(({ key }) => digestOf(key) !== named?.digest);
    for (const { key, versionstamp, value } of former) {
      commit.check(key, versionstamp);
      deleteFacts(commit, did, digestOf(key), value);
      if (!value.exact) commit.sum(cardKeys.bound(did), -1n);
      isChanged = true;
    }
    if (isChanged && rev !== undefined) {
      const expiresAt = change.at + GONE_MS;
      commit.set(cardKeys.gone(did, MANIFEST, rkey), rev, { expiresAt });
    }
    const before = named &&
      known.find(({ key }) => digestOf(key) === named.digest);
    if (named && await this.#set(commit, change, named, before)) {
      isChanged = true;
    }
    if (isChanged && !await commit.commit()) return undefined;
    return [
      ...former.map(({ key }) => digestOf(key)),
      ...(named ? [named.digest] : []),
    ];
  }

  /** What is stored of the manifests that the record is, or was, about. */
  async #read({ did, rkey }: RecordChange, named: NamedManifest | undefined) {
    const { kv } = this.#deps;
    const [map, gone] = await kv.getMany<unknown>([
      cardKeys.manifestRecord(did, rkey),
      cardKeys.gone(did, MANIFEST, rkey),
    ]);
    const digests = new Set<Digest>(digestsOfRkey(rkey));
    if (map) digests.add(map.value as Digest);
    if (named) digests.add(named.digest);
    const found = await kv.getMany<FactsRow>(
      [...digests].map((digest) => cardKeys.manifest(did, digest)),
    );
    return {
      goneRev: gone?.value as string | undefined,
      known: found.filter((entry): entry is Facts => entry !== undefined),
    };
  }

  /** Adds the facts to the commit; false when they are as they should be. */
  async #set(
    commit: ReturnType<Kv["atomic"]>,
    change: RecordChange,
    named: NamedManifest,
    before: Facts | undefined,
  ): Promise<boolean> {
    const { kv, watch, maxManifests } = this.#deps;
    const { did } = change;
    const { digest } = named;
    const key = cardKeys.manifest(did, digest);
    const old = before?.value;
    const next = factsAfter(change, named, old);
    if (old && saysTheSame(old, next)) return false;
    commit.check(key, before?.versionstamp ?? null);
    if (!old) {
      if (await kv.counter(cardKeys.bound(did)) >= maxManifests) {
        watch.ignored(MANIFEST, "too many");
        return false;
      }
      commit.sum(cardKeys.bound(did), 1n);
    } else deleteFacts(commit, did, digest, old);
    setFacts(commit, did, digest, next);
    return true;
  }

  /** Makes the cards right whose newest tag leads to the manifest. */
  async #refresh(did: Did, digest: Digest): Promise<void> {
    const { kv } = this.#deps;
    const repos = repositoriesOf(kv, did, digest, MAX_REPOSITORIES);
    for await (const repo of repos) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const [card, facts] = await kv.getMany<unknown>([
          cardKeys.card(did, repo),
          cardKeys.manifest(did, digest),
        ]) as [Entry<CardRow> | undefined, Facts | undefined];
        if (card?.value.newest?.digest !== digest) break;
        const image = facts && imageRow(facts.value);
        if (isDeepStrictEqual(card.value.image, image)) break;
        const { image: _, ...rest } = card.value;
        const commit = kv.atomic()
          .check(cardKeys.manifest(did, digest), facts?.versionstamp ?? null);
        writeCard(commit, { did, repo }, card, {
          ...EMPTY_CARD,
          ...rest,
          ...(image ? { image } : {}),
        });
        if (await commit.commit()) break;
      }
    }
  }
}

function digestOf(key: Facts["key"]): Digest {
  return digestOfPart(key.at(-1));
}

/** The digests that a key of our making stands for. */
function digestsOfRkey(rkey: string): Digest[] {
  return [`sha256:${rkey}`, `sha512:${rkey}`].filter(isDigest);
}

function isRecordOf({ rkey }: FactsRow, digest: Digest, key: string): boolean {
  return (rkey ?? manifestRkey(digest)) === key;
}
