/**
 * The pictures of accounts: cached, refreshed in time, and served stale while
 * the network fails.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Did } from "../did.ts";
import type {
  Identity,
  IdentityResolver,
  ResolveOptions,
} from "../atproto/identity/identity.ts";
import { SingleFlight } from "../async/single_flight.ts";
import { type Clock, endsWithin, isWithin } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { Visitor } from "./admission.ts";
import { profileKey, replacedKey } from "./kv_keys.ts";
import type { AvatarObserver } from "./observer.ts";
import type { AvatarOptions } from "./options.ts";
import {
  type FoundProfile,
  ProfileMemory,
  RETRY_MS,
  ttlOf,
} from "./profile_memory.ts";
import type { ProfileRow } from "./picture_rows.ts";
import { type Pictures, type PictureSource, readPictures } from "./upstream.ts";

export interface ProfilesDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly identities: IdentityResolver;
  readonly pds: PictureSource;
  readonly observer: Pick<AvatarObserver, "upstreamFailed">;
}

/** A reported change of an account. */
export interface AccountChange {
  /** Its handle, keys or PDS may have changed. */
  readonly identity: boolean;
  /** It is inactive: its pictures must not be served from the cache. */
  readonly gone: boolean;
}

/**
 * Maximum age of the identity of an account without a picture, which may have
 * moved, in milliseconds.
 */
const IDENTITY_AGE_MS = 60_000;

/** Failing PDSes kept in memory. */
const FAILING_ENTRIES = 20_000;
/** Attempts of a commit that conflicts with refreshes. */
const MAX_COMMITS = 10;

const DELETED: AccountChange = { identity: false, gone: true };

/** Detail of the error for a DID that does not exist. */
const nobody = z.strictObject({
  did: z.custom<Did>((did) => typeof did === "string"),
});

/** The profiles of all requested accounts. */
export class Profiles {
  readonly #deps: ProfilesDeps;
  readonly #options: AvatarOptions;
  readonly #memory: ProfileMemory;
  /** Until when a DID's PDS is not queried. */
  readonly #failing = new LRUCache<string, number>({ max: FAILING_ENTRIES });
  /** When the running refresh of a DID started. */
  readonly #began = new Map<string, number>();
  readonly #flights = new SingleFlight();

  constructor(deps: ProfilesDeps, options: AvatarOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#memory = new ProfileMemory(deps.clock, options);
  }

  /**
   * Returns the profile of a handle or DID. Network queries for uncached
   * accounts count towards the limit of `visitor`. Throws AppError
   * `NAME_INVALID` and `NAME_UNKNOWN` for invalid and unknown identifiers,
   * `UPSTREAM_FAILED` and `UPSTREAM_TIMEOUT` when the network fails and nothing
   * is cached, `TOOMANYREQUESTS` for the visitor.
   */
  async find(identifier: string, visitor: Visitor): Promise<FoundProfile> {
    const known = this.#memory.recall(identifier);
    if (known !== undefined) return known;
    try {
      // By client: a refusal of one client must not be shared with others.
      const found = await this.#flights.run(
        `find ${visitor.client} ${identifier}`,
        undefined,
        () => this.#find(identifier, visitor),
      );
      this.#memory.keep(identifier, found);
      return found;
    } catch (error) {
      this.#memory.keepError(identifier, error);
      throw error;
    }
  }

  /**
   * Makes the next request for `did` query its PDS. Costs one read if the
   * account was never requested.
   */
  async invalidate(did: Did, change: AccountChange): Promise<void> {
    const { kv, clock, identities } = this.#deps;
    // Retry if a refresh was faster: it may have read before the change.
    for (let i = 0; i < MAX_COMMITS; i++) {
      const entry = await kv.get<ProfileRow>(profileKey(did));
      this.#failing.delete(did);
      this.#memory.forget(did);
      if (entry === undefined) return;
      const { handle, avatar, banner } = entry.value;
      if (handle !== undefined) this.#memory.forget(handle);
      if (change.identity) await identities.forget(did);
      const next: ProfileRow = {
        ...entry.value,
        ...(change.gone ? { avatar: undefined, banner: undefined } : {}),
        checkedAt: 0,
      };
      const commit = kv.atomic().check(entry.key, entry.versionstamp)
        .set(entry.key, next);
      const dueAt = clock.now() + this.#options.graceMs;
      for (const picture of change.gone ? [avatar, banner] : []) {
        if (picture) commit.set(replacedKey(dueAt, did, picture.cid), true);
      }
      if (await commit.commit()) return;
    }
  }

  async #find(identifier: string, visitor: Visitor): Promise<FoundProfile> {
    let admitted = false;
    const admit = async () => {
      if (!admitted) await visitor.admit(identifier);
      admitted = true;
    };
    const identity = await this.#resolve(identifier, {
      beforeAsking: admit,
      patienceMs: this.#options.staleWaitMs,
    });
    const entry = await this.#deps.kv.get<ProfileRow>(profileKey(identity.did));
    if (entry !== undefined) return await this.#current(identity, entry.value);
    await admit();
    return { profile: await this.#refresh(identity), freshness: "fresh" };
  }

  /** The stored profile, refreshed if it has expired. */
  async #current(identity: Identity, row: ProfileRow): Promise<FoundProfile> {
    const profile = { ...row, handle: identity.handle };
    const now = this.#deps.clock.now();
    const age = now - profile.checkedAt;
    if (isWithin(profile.checkedAt, ttlOf(profile, this.#options), now)) {
      return { profile, freshness: "fresh" };
    }
    if (profile.checkedAt > 0 && age > this.#options.staleTtlMs) {
      return { profile: await this.#refresh(identity), freshness: "fresh" };
    }
    return await this.#refreshOrStale(identity, profile);
  }

  /** The new profile if it arrives soon, else the old one. */
  async #refreshOrStale(
    identity: Identity,
    profile: ProfileRow,
  ): Promise<FoundProfile> {
    const { clock, log } = this.#deps;
    const stale = { profile, freshness: "stale" } as const;
    const { did } = identity;
    const failing = this.#failing.get(did) ?? 0;
    if (endsWithin(failing, RETRY_MS, clock.now())) return stale;
    const { staleWaitMs, upstreamTimeoutMs } = this.#options;
    const patience = profile.checkedAt === 0 ? upstreamTimeoutMs : staleWaitMs;
    const began = this.#began.get(did) ?? clock.now();
    const refreshed = this.#refresh(identity).then(
      (profile) => ({ profile, freshness: "fresh" as const }),
      (error) => {
        this.#failing.set(did, clock.now() + RETRY_MS);
        this.#deps.observer.upstreamFailed();
        log.warn("profile cannot be refreshed", { did, error });
        return stale;
      },
    );
    const waited = new AbortController();
    const left = Math.min(patience, began + patience - clock.now());
    const found = await Promise.race([
      refreshed,
      clock.sleep(left, waited.signal).then(() => stale),
    ]);
    waited.abort();
    return found;
  }

  /** Throws AppError `UPSTREAM_TIMEOUT` when it takes too long. */
  async #resolve(
    identifier: string,
    options: ResolveOptions,
  ): Promise<Identity> {
    const signal = AbortSignal.timeout(this.#options.upstreamTimeoutMs);
    try {
      return await this.#deps.identities.resolve(identifier, {
        ...options,
        signal,
      });
    } catch (error) {
      if (isAppError(error, "NAME_UNKNOWN")) {
        const { data } = nobody.safeParse(error.detail);
        // Deleted, so that its pictures are removed as well.
        if (data) await this.invalidate(data.did, DELETED);
      }
      if (!signal.aborted || error instanceof AppError) throw error;
      throw new AppError(
        "UPSTREAM_TIMEOUT",
        `The account ${identifier} could not be resolved in time. Try again later.`,
        { cause: error },
      );
    }
  }

  #refresh(identity: Identity): Promise<ProfileRow> {
    const { did } = identity;
    return this.#flights.run(`refresh ${did}`, undefined, async () => {
      this.#began.set(did, this.#deps.clock.now());
      try {
        return await this.#query(identity);
      } finally {
        this.#began.delete(did);
      }
    });
  }

  /** Queries the PDS and stores the result. */
  async #query(known: Identity): Promise<ProfileRow> {
    const { kv, clock } = this.#deps;
    const { did } = known;
    const entry = await kv.get<ProfileRow>(profileKey(did));
    let identity = known;
    let pictures = await this.#picturesOf(identity);
    if (pictures.avatar === undefined) {
      // Deleted, or the account has moved since its identity was resolved.
      const had = entry?.value.avatar !== undefined;
      identity = await this.#resolve(
        did,
        had ? { fresh: true } : { maxAgeMs: IDENTITY_AGE_MS },
      );
      if (identity.pds !== known.pds) {
        pictures = await this.#picturesOf(identity);
      }
    }
    const row: ProfileRow = {
      did,
      handle: identity.handle,
      pds: identity.pds,
      ...pictures,
      checkedAt: clock.now(),
    };
    return await this.#store(row, entry);
  }

  async #picturesOf({ did, pds }: Identity): Promise<Pictures> {
    if (pds === undefined) return { avatar: undefined, banner: undefined };
    const { upstreamTimeoutMs, collections } = this.#options;
    const signal = AbortSignal.timeout(upstreamTimeoutMs);
    return await readPictures(this.#deps.pds, pds, did, collections, signal);
  }

  /** Stores the row and marks the pictures that it replaces, in one commit. */
  async #store(
    row: ProfileRow,
    before: Entry<ProfileRow> | undefined,
  ): Promise<ProfileRow> {
    const { kv } = this.#deps;
    const key = profileKey(row.did);
    const change = kv.atomic().check(key, before?.versionstamp ?? null)
      .set(key, row);
    const current = [row.avatar?.cid, row.banner?.cid];
    const dueAt = row.checkedAt + this.#options.graceMs;
    for (const picture of [before?.value.avatar, before?.value.banner]) {
      if (picture === undefined || current.includes(picture.cid)) continue;
      change.set(replacedKey(dueAt, row.did, picture.cid), true);
    }
    if (await change.commit()) return row;
    // Another instance was faster; its result is as fresh as ours.
    return (await kv.get<ProfileRow>(key))?.value ?? row;
  }
}
