/**
 * The people of the network that have to do with this registry: who they are,
 * by what name they go, and whether they are shown.
 *
 * @module
 */

import { z } from "zod";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import {
  PROFILE_COLLECTIONS,
  readPublicProfile,
} from "../../atproto/records/profile_records.ts";
import type { Clock } from "../../clock.ts";
import { type Did, parseDid, storedDidSchema } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type {
  AccountHandler,
  AccountStatus,
  RecordChange,
  RecordHandler,
} from "../record_change.ts";
import { isNews, seenFrom } from "../seen.ts";
import {
  type Actor,
  actorOf,
  type ActorRow,
  EMPTY_ACTOR,
} from "./actor_rows.ts";
import { peopleKeys } from "./kv_keys.ts";
import type { IndexWatch } from "../watch.ts";

export interface ActorsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly pds: Pick<PdsReader, "getRecord" | "listCollections">;
  /** Address of an account's picture; undefined where no avatar service runs. */
  readonly avatarUrl: (did: Did) => string | undefined;
  /** Called after a person has changed. */
  readonly onChanged: (actor: Actor) => Promise<void>;
  readonly watch: IndexWatch;
}

const person = z.object({ did: storedDidSchema });

/** Looks an account up; queued when an account is met for the first time. */
export const PERSON_LOOK_UP: JobKind<z.infer<typeof person>> = {
  name: "index.person",
  payload: person,
  maxAttempts: 6,
  concurrency: 4,
};

/** Removes what is known of a deleted account. */
export const PERSON_REMOVAL: JobKind<z.infer<typeof person>> = {
  name: "index.person_removal",
  payload: person,
};

/** Tries of a commit that others get in the way of. */
const ATTEMPTS = 20;
/** How long a former handle leads to its account, in milliseconds. */
const FORMER_HANDLE_MS = 90 * 86_400_000;
/** Accounts asked for at once. */
const MAX_MANY = 100;
/** Profile records have this key in every collection. */
const RKEY = "self";

/** Knows people. */
export class Actors implements RecordHandler, AccountHandler {
  readonly collections = [...PROFILE_COLLECTIONS, OWNER_COLLECTIONS.profile];
  readonly #deps: ActorsDeps;

  constructor(deps: ActorsDeps) {
    this.#deps = deps;
  }

  /** People by DID, in the order of `dids`; those that are met for the first time have no name yet. At most 100. */
  async many(dids: readonly Did[]): Promise<Actor[]> {
    const { kv, avatarUrl, watch } = this.#deps;
    const some = dids.slice(0, MAX_MANY);
    const rows = await kv.getMany<ActorRow>(some.map(peopleKeys.actor));
    watch.rowsRead("actors", some.length);
    const strangers = some.filter((_, i) => rows[i] === undefined);
    if (strangers.length > 0) await this.#meet(strangers);
    return some.map((did, i) =>
      actorOf(did, rows[i]?.value ?? EMPTY_ACTOR, avatarUrl(did))
    );
  }

  /** One person; undefined for an account that was not met yet, which asking does not change. */
  async find(did: Did): Promise<Actor | undefined> {
    const { kv, avatarUrl, watch } = this.#deps;
    const row = await kv.get<ActorRow>(peopleKeys.actor(did));
    watch.rowsRead("actors", 1);
    return row && actorOf(did, row.value, avatarUrl(did));
  }

  /** Whether the network shows each account, in order; one that is not known here counts as shown. */
  async shown(dids: readonly Did[]): Promise<boolean[]> {
    const { kv, watch } = this.#deps;
    const rows = await kv.getMany<ActorRow>(dids.map(peopleKeys.actor));
    watch.rowsRead("actors", dids.length);
    return rows.map((row) => (row?.value.status ?? "active") === "active");
  }

  /** The account that had `handle` until some time ago, for handles that lead nowhere now. */
  async byFormerHandle(handle: string): Promise<Did | undefined> {
    const key = peopleKeys.formerHandle(handle.toLowerCase());
    const entry = await this.#deps.kv.get<Did>(key);
    this.#deps.watch.rowsRead("handles", 1);
    return entry && parseDid(entry.value);
  }

  /** Makes the index know an account whose handle was just seen. */
  async meet(did: Did, handle: string | undefined): Promise<void> {
    const { kv, clock } = this.#deps;
    const known = await kv.get<ActorRow>(peopleKeys.actor(did));
    if (!known) await this.#meet([did]);
    if (known?.value.handle === handle) return;
    await this.#setHandle(did, handle, clock.now());
  }

  async apply(change: RecordChange): Promise<void> {
    const { did, collection, rkey } = change;
    if (rkey !== RKEY) return;
    if (collection === OWNER_COLLECTIONS.profile) {
      // It says that the account uses registries, and nothing of the person.
      const key = peopleKeys.actor(did);
      if (change.record === undefined || await this.#deps.kv.get(key)) return;
      return await this.#meet([did]);
    }
    await this.#change(did, (row) => {
      const before = row.profiles[collection];
      if (!isNews(change, before)) return undefined;
      const profile = readPublicProfile(change.record);
      const seen = seenFrom(change, before);
      return {
        ...row,
        profiles: {
          ...row.profiles,
          [collection]: { ...seen, ...(profile ? { profile } : {}) },
        },
      };
    });
  }

  async account(did: Did, status: AccountStatus, at: number): Promise<void> {
    const { kv, clock } = this.#deps;
    const isKnown = await this.#change(
      did,
      (row) =>
        at < row.statusAt || row.status === status
          ? undefined
          : { ...row, status, statusAt: at },
    );
    if (status !== "deleted") return;
    if (!isKnown && !await this.#hasStars(did)) return;
    const commit = kv.atomic();
    enqueue(commit, clock, PERSON_REMOVAL, { did }, { dedupeKey: did });
    await commit.commit();
  }

  async identity(
    did: Did,
    handle: string | undefined,
    at: number,
  ): Promise<void> {
    if (!await this.#deps.kv.get(peopleKeys.actor(did))) return;
    await this.#setHandle(did, handle?.toLowerCase(), at);
  }

  /** Looks an account up in the network; the handler of {@linkcode PERSON_LOOK_UP}. */
  async lookUp(did: Did, signal: AbortSignal): Promise<void> {
    const { identities, pds, clock } = this.#deps;
    const at = clock.now();
    let identity;
    try {
      identity = await identities.resolve(did, { signal });
    } catch (error) {
      if (isAppError(error, "NAME_UNKNOWN")) return;
      throw error;
    }
    await this.#setHandle(did, identity.handle, at);
    if (identity.pds === undefined) return;
    const there = await pds.listCollections(identity.pds, did, signal);
    for (const collection of PROFILE_COLLECTIONS) {
      if (!there.includes(collection)) continue;
      const record = await pds.getRecord(
        identity.pds,
        did,
        collection,
        RKEY,
        signal,
      );
      await this.apply({
        ...{ did, collection, rkey: RKEY, rev: undefined, at },
        cid: record?.cid,
        record: record?.value,
      });
    }
  }

  /** Removes the row of a deleted account. */
  async forget(did: Did): Promise<void> {
    const { kv } = this.#deps;
    const entry = await kv.get<ActorRow>(peopleKeys.actor(did));
    if (!entry || entry.value.status !== "deleted") return;
    await kv.atomic().check(entry.key, entry.versionstamp)
      .delete(entry.key).commit();
  }

  /** Makes rows for accounts that have none, and has them looked up. */
  async #meet(dids: readonly Did[]): Promise<void> {
    const { kv, clock } = this.#deps;
    for (const did of new Set(dids)) {
      const key = peopleKeys.actor(did);
      const commit = kv.atomic().check(key, null).set(key, EMPTY_ACTOR);
      enqueue(commit, clock, PERSON_LOOK_UP, { did }, { dedupeKey: did });
      await commit.commit();
    }
  }

  async #setHandle(
    did: Did,
    handle: string | undefined,
    at: number,
  ): Promise<void> {
    const { clock } = this.#deps;
    await this.#change(
      did,
      (row) => {
        if (at < row.handleAt || row.handle === handle) return undefined;
        const { handle: _, ...rest } = row;
        return {
          ...rest,
          ...(handle === undefined ? {} : { handle }),
          handleAt: at,
        };
      },
      (commit, { handle: former }) => {
        if (former !== undefined) {
          const expiresAt = clock.now() + FORMER_HANDLE_MS;
          commit.set(peopleKeys.formerHandle(former), did, { expiresAt });
        }
        if (handle !== undefined) {
          commit.delete(peopleKeys.formerHandle(handle));
        }
      },
    );
  }

  /** Changes the row of a known account; false when there is none. `edit` returns undefined for no change. */
  async #change(
    did: Did,
    edit: (row: ActorRow) => ActorRow | undefined,
    also: (commit: Atomic, before: ActorRow) => void = () => {},
  ): Promise<boolean> {
    const { kv, avatarUrl, onChanged } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry: Entry<ActorRow> | undefined = await kv.get(
        peopleKeys.actor(did),
      );
      if (!entry) return false;
      const row = edit(entry.value);
      if (!row) return true;
      const commit = kv.atomic().check(entry.key, entry.versionstamp)
        .set(entry.key, row);
      also(commit, entry.value);
      if (!await commit.commit()) continue;
      await onChanged(actorOf(did, row, avatarUrl(did)));
      return true;
    }
    throw new AppError(
      "UNAVAILABLE",
      "Another request is changing the same account at the moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  async #hasStars(did: Did): Promise<boolean> {
    const { kv } = this.#deps;
    for (
      const prefix of [peopleKeys.allStarred(did), peopleKeys.starsOf(did)]
    ) {
      for await (const _ of kv.list({ prefix }, { limit: 1 })) return true;
    }
    return false;
  }
}
