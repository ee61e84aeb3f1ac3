/**
 * Who may read, write and administer a hold, by its captain and crew records.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../did.ts";
import { type Clock, endsWithin } from "../clock.ts";
import { ALLOWED, type Decision, deny } from "../hold_api/decision.ts";
import {
  type Captain,
  captainSchema,
  COLLECTIONS,
  type CrewMember,
  crewRkey,
  crewSchema,
  type HoldRecords,
  SELF,
} from "./records.ts";

/** Permissions of a crew member. */
export type Permission = "blob:read" | "blob:write" | "crew:admin";

/** Permissions that imply another: write implies read, admin implies both. */
const GRANTED_BY: Readonly<Record<Permission, readonly Permission[]>> = {
  "blob:read": ["blob:read", "blob:write", "crew:admin"],
  "blob:write": ["blob:write", "crew:admin"],
  "crew:admin": ["crew:admin"],
};

/** Permissions of any signed-in account on a hold with `allowAllCrew`. */
export const DEFAULT_PERMISSIONS: readonly Permission[] = [
  "blob:read",
  "blob:write",
];

export interface HoldAccessDeps {
  records: HoldRecords;
  clock: Clock;
  /** How long records are cached, in milliseconds; 5 s by default. */
  ttlMs?: number;
}

interface Cached<T> {
  readonly value: T;
  readonly until: number;
}

/** Listing the crew is expensive, so the result is cached longer than single records. */
const FOREIGN_TTL_FACTOR = 12;

/**
 * Decides by the captain record (owner, public, allowAllCrew) and the crew
 * records. Records are cached for a few seconds; {@linkcode invalidate} applies
 * a change at once.
 */
export class HoldAccess {
  readonly #records: HoldRecords;
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #members = new LRUCache<Did, Cached<CrewMember | undefined>>({
    max: 10_000,
  });
  #captain: Cached<Captain | undefined> | undefined;
  #foreign: Cached<Promise<ReadonlyMap<Did, string>>> | undefined;

  constructor(deps: HoldAccessDeps) {
    this.#records = deps.records;
    this.#clock = deps.clock;
    this.#ttlMs = deps.ttlMs ?? 5_000;
  }

  /** Whether `did` (undefined: a caller without login) may read blobs. */
  async read(did: Did | undefined): Promise<Decision> {
    const captain = await this.captain();
    if (captain?.public) return ALLOWED;
    return await this.#decide(captain, did, "blob:read");
  }

  /** Whether `did` may push blobs. A public hold is public for reading only. */
  async write(did: Did | undefined): Promise<Decision> {
    return await this.#decide(await this.captain(), did, "blob:write");
  }

  /** Whether `did` may manage the crew and write records of the hold. */
  async admin(did: Did | undefined): Promise<Decision> {
    return await this.#decide(await this.captain(), did, "crew:admin");
  }

  /** The captain record; undefined before the hold has one. */
  async captain(): Promise<Captain | undefined> {
    if (this.#captain && this.#holds(this.#captain)) {
      return this.#captain.value;
    }
    const record = await this.#records.getRecord(COLLECTIONS.captain, SELF);
    const parsed = captainSchema.safeParse(record?.value);
    const value = parsed.success ? parsed.data : undefined;
    this.#captain = this.#cached(value);
    return value;
  }

  /** The crew record of `did`, under any key. */
  async member(did: Did): Promise<CrewMember | undefined> {
    const cached = this.#members.get(did);
    if (cached && this.#holds(cached)) return cached.value;
    let value = await this.#memberAt(crewRkey(did), did);
    if (!value) {
      const rkey = (await this.#foreignKeys()).get(did);
      // Read again, because the listing may be older than the record's deletion.
      if (rkey !== undefined) value = await this.#memberAt(rkey, did);
    }
    this.#members.set(did, this.#cached(value));
    return value;
  }

  /** Clears the cache after captain or crew records were written. */
  invalidate(): void {
    this.#captain = undefined;
    this.#foreign = undefined;
    this.#members.clear();
  }

  async #decide(
    captain: Captain | undefined,
    did: Did | undefined,
    wanted: Permission,
  ): Promise<Decision> {
    const hold = this.#records.did;
    if (!captain) {
      return deny(
        `The hold ${hold} has no captain yet; its operator has to set the owner's DID.`,
      );
    }
    if (did === undefined) return deny(ANONYMOUS[wanted](hold));
    if (did === captain.owner) return ALLOWED;
    const member = await this.member(did);
    // A crew record takes precedence over `allowAllCrew`, so that an admin can
    // restrict one account.
    const held = member?.permissions ??
      (captain.allowAllCrew ? DEFAULT_PERMISSIONS : undefined);
    if (!held) {
      return deny(
        `${did} is not crew of the hold ${hold}; ask its captain ${captain.owner} for ${wanted}.`,
      );
    }
    if (GRANTED_BY[wanted].some((permission) => held.includes(permission))) {
      return ALLOWED;
    }
    return deny(
      `${did} is crew of the hold ${hold} but lacks ${wanted}; ask its captain ${captain.owner} for it.`,
    );
  }

  /** The crew record of `did` at a given key. */
  async #memberAt(rkey: string, did: Did): Promise<CrewMember | undefined> {
    const record = await this.#records.getRecord(COLLECTIONS.crew, rkey);
    const parsed = crewSchema.safeParse(record?.value);
    return parsed.success && parsed.data.member === did
      ? parsed.data
      : undefined;
  }

  /**
   * Keys of members whose records were written by other tools under other keys.
   * Only a listing finds them.
   */
  #foreignKeys(): Promise<ReadonlyMap<Did, string>> {
    const now = this.#clock.now();
    const ttlMs = this.#ttlMs * FOREIGN_TTL_FACTOR;
    if (this.#foreign && endsWithin(this.#foreign.until, ttlMs, now)) {
      return this.#foreign.value;
    }
    const listing = this.#listForeign();
    const entry = { value: listing, until: now + ttlMs };
    this.#foreign = entry;
    listing.catch(() => {
      if (this.#foreign === entry) this.#foreign = undefined;
    });
    return listing;
  }

  async #listForeign(): Promise<ReadonlyMap<Did, string>> {
    const found = new Map<Did, string>();
    for await (const record of this.#records.allRecords(COLLECTIONS.crew)) {
      const parsed = crewSchema.safeParse(record.value);
      if (!parsed.success) continue;
      const { member } = parsed.data;
      if (record.rkey !== crewRkey(member)) found.set(member, record.rkey);
    }
    return found;
  }

  #holds({ until }: Cached<unknown>): boolean {
    return endsWithin(until, this.#ttlMs, this.#clock.now());
  }

  #cached<T>(value: T): Cached<T> {
    return { value, until: this.#clock.now() + this.#ttlMs };
  }
}

const ANONYMOUS: Readonly<Record<Permission, (hold: Did) => string>> = {
  "blob:read": (hold) =>
    `The hold ${hold} is private; sign in as a member of its crew to read.`,
  "blob:write": (hold) =>
    `Sign in as a member of the crew of the hold ${hold} to push.`,
  "crew:admin": (hold) => `Sign in as an admin of the hold ${hold}.`,
};
