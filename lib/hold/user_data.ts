/**
 * Export and deletion of a user's data.
 *
 * @module
 */

import { MAX_WRITES } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import { removeBelow } from "../kv/operating/remove_below.ts";
import type { HoldAccess } from "./access.ts";
import type { HoldCrew } from "./crew.ts";
import { holdKeys } from "./kv_keys.ts";
import type { LayerIndex } from "./layers/layer_index.ts";
import type { LayerEntry } from "./layers/layer_rows.ts";
import type { LayerRecords } from "./layers/layer_records.ts";
import type { HoldQuota } from "./quota/quota.ts";
import {
  COLLECTIONS,
  type CrewMember,
  type HoldRecord,
  type HoldRecords,
  type Layer,
  layerSchema,
  type Stats,
  statsSchema,
} from "./records.ts";
import { KeyedMutex } from "../async/keyed_mutex.ts";

export interface HoldUserDataDeps {
  kv: Kv;
  records: HoldRecords;
  access: HoldAccess;
  crew: HoldCrew;
  layers: LayerIndex;
  layerRecords: LayerRecords;
  quota: Pick<HoldQuota, "isBelowDefault">;
  clock: Clock;
}

/** Output of `io.atcr.hold.exportUserData`. */
export interface UserDataExport {
  readonly exportedAt: string;
  readonly holdDid: Did;
  readonly userDid: Did;
  readonly isCaptain: boolean;
  readonly crewRecord?: Omit<CrewMember, "member">;
  readonly layerRecords: readonly Omit<Layer, "userDid">[];
  readonly statsRecords: readonly Omit<Stats, "ownerDid">[];
  readonly blueskyPosts: readonly {
    uri: string;
    text: string;
    createdAt: string;
  }[];
}

/** Output of `io.atcr.hold.deleteUserData`. */
export interface UserDataDeletion {
  readonly success: true;
  /** False for the captain and for limited members, whose records stay. */
  readonly crewDeleted: boolean;
  readonly layersDeleted: number;
  readonly statsDeleted: number;
}

/** Requests that may run or wait at once. */
const MAX_WAITING = 16;

/** Serves the rights of access and erasure. Blobs are left to the garbage collection. */
export class HoldUserData {
  readonly #deps: HoldUserDataDeps;
  readonly #turns = new KeyedMutex();
  /** Requests that run or wait. */
  #waiting = 0;

  constructor(deps: HoldUserDataDeps) {
    this.#deps = deps;
  }

  /** Exports everything about `user`. Throws AppError `UNAVAILABLE` when too many wait. */
  export(user: Did): Promise<UserDataExport> {
    return this.#alone(() => this.#export(user));
  }

  /**
   * Deletes the records about `user`, including posts that name them. Throws
   * AppError `UNAVAILABLE` when too many wait.
   */
  delete(user: Did): Promise<UserDataDeletion> {
    return this.#alone(() => this.#delete(user));
  }

  /** Serialised, because it reads whole collections, and any account may ask for it. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= MAX_WAITING) {
      throw new AppError(
        "UNAVAILABLE",
        "The hold is exporting or deleting the data of other accounts; try again in a minute.",
        { retryAfterSeconds: 60 },
      );
    }
    this.#waiting++;
    try {
      return await this.#turns.run("scan", work);
    } finally {
      this.#waiting--;
    }
  }

  async #export(user: Did): Promise<UserDataExport> {
    const { records, access, crew, layers, clock } = this.#deps;
    const member = await crew.find(user);
    const layerRecords: Omit<Layer, "userDid">[] = [];
    for await (const { rkey } of layers.ofUser(user)) {
      const record = await records.getRecord(COLLECTIONS.layer, rkey);
      const layer = layerSchema.safeParse(record?.value);
      if (!layer.success) continue;
      const { digest, size, mediaType, manifest, createdAt } = layer.data;
      layerRecords.push({ digest, size, mediaType, manifest, createdAt });
    }
    const statsRecords: Omit<Stats, "ownerDid">[] = [];
    for await (const { stats } of this.#stats(user)) {
      const { ownerDid: _, ...rest } = stats;
      statsRecords.push(rest);
    }
    const blueskyPosts = [];
    for await (const { uri, value } of this.#posts(user)) {
      blueskyPosts.push({
        uri,
        text: String(value["text"] ?? ""),
        createdAt: String(value["createdAt"] ?? ""),
      });
    }
    return {
      exportedAt: new Date(clock.now()).toISOString(),
      holdDid: records.did,
      userDid: user,
      isCaptain: (await access.captain())?.owner === user,
      ...(member ? { crewRecord: crewExport(member) } : {}),
      layerRecords,
      statsRecords,
      blueskyPosts,
    };
  }

  async #delete(user: Did): Promise<UserDataDeletion> {
    const { kv, records, crew, layers, layerRecords } = this.#deps;
    const stays = await this.#staysInCrew(user);
    const entries: LayerEntry[] = [];
    for await (const entry of layers.ofUser(user)) entries.push(entry);
    await layerRecords.remove(entries);
    const manifests = new Set(entries.map(({ manifest }) => manifest));
    // Indexes and images with only a config have no layer records.
    for await (const { uri } of layers.manifests(user)) manifests.add(uri);
    for (const uri of manifests) await layers.removeManifest(uri);
    const stats: string[] = [];
    for await (const { rkey } of this.#stats(user)) stats.push(rkey);
    await this.#remove(COLLECTIONS.stats, stats);
    const posts: string[] = [];
    for await (const { rkey } of this.#posts(user)) posts.push(rkey);
    await this.#remove(COLLECTIONS.post, posts);
    const { signal } = new AbortController();
    await removeBelow(kv, { prefix: holdKeys.lastPosts(user) }, signal);
    const scans: string[] = [];
    for await (const { rkey, value } of records.allRecords(COLLECTIONS.scan)) {
      if (value["userDid"] === user) scans.push(rkey);
    }
    await this.#remove(COLLECTIONS.scan, scans);
    return {
      success: true,
      crewDeleted: !stays && await crew.remove(user),
      layersDeleted: entries.length,
      statsDeleted: stats.length,
    };
  }

  /**
   * Whether the crew record of `user` stays: that of the captain, and one by
   * which an admin gave less than every account has. Without it the account
   * would have that again.
   */
  async #staysInCrew(user: Did): Promise<boolean> {
    const { access, quota } = this.#deps;
    const captain = await access.captain();
    if (captain?.owner === user) return true;
    if (!captain?.allowAllCrew || !await access.member(user)) return false;
    const isRestricted = !(await access.write(user)).allowed;
    return isRestricted || await quota.isBelowDefault(user);
  }

  async *#stats(
    user: Did,
  ): AsyncIterableIterator<{ rkey: string; stats: Stats }> {
    const all = this.#deps.records.allRecords(COLLECTIONS.stats);
    for await (const { rkey, value } of all) {
      const stats = statsSchema.safeParse(value);
      if (stats.success && stats.data.ownerDid === user) {
        yield { rkey, stats: stats.data };
      }
    }
  }

  /** Posts that mention `user`. */
  async *#posts(user: Did): AsyncIterableIterator<HoldRecord> {
    const all = this.#deps.records.allRecords(COLLECTIONS.post);
    for await (const record of all) {
      // A DID occurs in a post's facets only as a mention.
      if (
        JSON.stringify(record.value["facets"] ?? null).includes(`"${user}"`)
      ) {
        yield record;
      }
    }
  }

  async #remove(collection: string, rkeys: readonly string[]): Promise<void> {
    for (let i = 0; i < rkeys.length; i += MAX_WRITES) {
      await this.#deps.records.apply(
        rkeys.slice(i, i + MAX_WRITES).map((rkey) => (
          { action: "delete", collection, rkey }
        )),
      );
    }
  }
}

function crewExport(member: CrewMember): Omit<CrewMember, "member"> {
  const { role, permissions, addedAt, tier } = member;
  return {
    role,
    permissions,
    addedAt,
    ...(tier === undefined ? {} : { tier }),
  };
}
