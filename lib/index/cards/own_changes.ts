/**
 * Pushes, deletes and moves of tags through this registry: their rows of the
 * index go into the commit that the registry makes anyway.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Did } from "../../did.ts";
import type { Atomic, Entry, Key, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import type { OwnerNames } from "../search/owner_names.ts";
import { deleteFacts, setFacts } from "./facts_rows.ts";
import { cardKeys } from "./kv_keys.ts";
import { type OwnRecord, OwnRecords } from "./own_records.ts";
import { contentRow } from "./manifest_facts.ts";
import { addEdit, type RepoRef, type TagEdit } from "./repository_edit.ts";
import type { CardRow, FactsRow, TagRow } from "./rows.ts";
import { withClaim, withoutClaim } from "./tag_claims.ts";

/** What one commit of the registry changes; see `lib/registry/manifests/repository_changes.ts`. */
export interface OwnChange extends RepoRef {
  readonly handle?: string | undefined;
  readonly tags?: readonly {
    readonly tag: string;
    readonly rkey: string;
    readonly to: { digest: Digest; at: number } | undefined;
  }[];
  readonly stored?: {
    readonly digest: Digest;
    readonly manifest: ParsedManifest;
    readonly holdDid: Did;
    readonly createdAt: number;
    readonly rkey: string | undefined;
  } | undefined;
  readonly removed?: {
    readonly digest: Digest;
    readonly heir: string | undefined;
  };
  /** The records that say the same in the owner's repo, as far as known. */
  readonly records?: readonly OwnRecord[];
}

type Found = readonly (Entry<unknown> | undefined)[];

/** More rows than this are not read as of one moment, so that the card has to be read first. */
const MAX_TOGETHER = 4;

/** Bytes of keys that a change may add to the commit of the registry, which needs the rest. */
const MAX_KEY_BYTES = 24 * 1024;

/** Tags of one commit where there are several: with the longest names they just are not too large. */
const TAGS_APART = 8;

const ATTEMPTS = 100;

/** Whether the rows of the tags would be too much for one commit. */
function isLarge({ did, repo, tags = [] }: OwnChange): boolean {
  // Four keys for each tag that is set, with about 100 bytes besides the names.
  const names = did.length + repo.length + 100;
  const bytes = tags.reduce(
    (sum, { tag, to }) => sum + (to ? 4 * (names + tag.length) : 0),
    0,
  );
  return bytes > MAX_KEY_BYTES;
}

/** Follows the registry. */
export class OwnChanges {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #owners: OwnerNames;
  readonly #records: OwnRecords;

  /** @param records receives the records whose rows are written. */
  constructor(
    kv: Kv,
    clock: Clock,
    owners: OwnerNames,
    records: OwnRecords = new OwnRecords(),
  ) {
    this.#records = records;
    this.#kv = kv;
    this.#clock = clock;
    this.#owners = owners;
  }

  /** Rows that {@linkcode add} needs, where they can be read with those of the registry. */
  reads({ did, repo, tags = [] }: OwnChange): readonly Key[] {
    if (tags.length === 0 || tags.length > MAX_TOGETHER) return [];
    return [
      cardKeys.card(did, repo),
      ...tags.map(({ tag }) => cardKeys.tag(did, repo, tag)),
    ];
  }

  /** Adds to `commit` what follows from `change`; `found` are the rows of {@linkcode reads}. */
  async add(commit: Atomic, change: OwnChange, found: Found): Promise<void> {
    if (isLarge(change)) return;
    const { did, stored, removed, tags = [] } = change;
    const facts = new Map<Digest, FactsRow | undefined>();
    if (stored) {
      const row = factsOf(change.repo, stored);
      facts.set(stored.digest, row);
      setFacts(commit, did, stored.digest, row);
    }
    if (removed) await this.#remove(commit, change, removed);
    if (tags.length === 0) return;
    const [card, ...rows] = found.length > 0 ? found : await this.#read(change);
    // Search may not know the owner of a new repository yet.
    if (!card && change.handle !== undefined) {
      await this.#owners.setHandle(did, change.handle);
    }
    const move = { at: this.#clock.now(), by: "registry" } as const;
    await addEdit(this.#kv, commit, {
      ref: { did, repo: change.repo },
      card: card as Entry<CardRow> | undefined,
      tags: tags.map((tag, i) => ({
        ...editOf(tag, rows[i] as Entry<TagRow>),
        move,
      })),
      facts,
    });
  }

  /**
   * Notes the records of a change. Writes one that is too large for the
   * registry's commit, in several.
   * What is lost by a crash in between comes back from the network, or by a
   * rebuild. Throws AppError `UNAVAILABLE` when others change the repository
   * all the time.
   */
  async finish(change: OwnChange): Promise<void> {
    if (!isLarge(change)) {
      return this.#records.note(change.did, change.records ?? []);
    }
    const { tags = [], ...rest } = change;
    await this.#commit(rest);
    const { did, repo, handle } = rest;
    for (let i = 0; i < tags.length; i += TAGS_APART) {
      const part = { did, repo, handle, tags: tags.slice(i, i + TAGS_APART) };
      await this.#commit(part);
    }
  }

  async #commit(change: OwnChange): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const commit = this.#kv.atomic();
      await this.add(commit, change, []);
      if (await commit.commit()) return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "The repository is being changed by many at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  async #read({ did, repo, tags = [] }: OwnChange): Promise<Found> {
    const card = await this.#kv.get(cardKeys.card(did, repo));
    const rows = await this.#kv.getMany(
      tags.map(({ tag }) => cardKeys.tag(did, repo, tag)),
    );
    return [card, ...rows];
  }

  async #remove(
    commit: Atomic,
    { did, repo }: OwnChange,
    { digest, heir }: NonNullable<OwnChange["removed"]>,
  ): Promise<void> {
    const key = cardKeys.manifest(did, digest);
    const facts = (await this.#kv.get<FactsRow>(key))?.value;
    if (!facts) return;
    if (heir === undefined) deleteFacts(commit, did, digest, facts);
    else if (facts.repo === repo) commit.set(key, { ...facts, repo: heir });
  }
}

function editOf(
  { tag, rkey, to }: NonNullable<OwnChange["tags"]>[number],
  entry: Entry<TagRow> | undefined,
): TagEdit {
  const before = entry?.value;
  const after = to
    ? withClaim(before, { rkey, ...to })
    : withoutClaim(before, rkey);
  return { tag, before, after };
}

function factsOf(
  repo: string,
  { manifest, holdDid, createdAt, rkey }: NonNullable<OwnChange["stored"]>,
): FactsRow {
  return {
    ...contentRow(manifest),
    repo,
    holdDid,
    createdAt,
    exact: true,
    ...(rkey === undefined ? {} : { rkey }),
  };
}
