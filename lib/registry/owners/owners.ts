/**
 * Resolves the owner in an image name to an account, and to the hold of the
 * owner's images.
 *
 * @module
 */

import type { Hosting } from "../../atproto/hosting/hosting.ts";
import { resolveAgain } from "../../atproto/identity/resolve_again.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import type {
  Identity,
  IdentityResolver,
  ResolveOptions,
} from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { writeProfile } from "../../atproto/records/record_writers.ts";
import { readProfile } from "../../atproto/records/records.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ProfileRow } from "../rows.ts";
import type { OwnerReader } from "./owner_reader.ts";

/** How long a sailor profile is cached, in milliseconds. */
const PROFILE_TTL_MS = 5 * 60_000;

/** Age at which an owner is resolved again before a request is refused, in milliseconds. */
const MAX_AGE_MS = 60_000;

/** Maximum delay of a refusal by a slow directory or name server, in milliseconds. */
const PATIENCE_MS = 2_000;

const { profile: PROFILE } = OWNER_COLLECTIONS;

export interface OwnersDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  identities: IdentityResolver;
  reader: Pick<OwnerReader, "record">;
  hosting: Pick<Hosting, "require">;
  /** The hold for owners without one in their profile. */
  defaultHold: Did;
}

/** Resolves owners and their choice of hold. */
export class Owners {
  readonly #deps: OwnersDeps;

  constructor(deps: OwnersDeps) {
    this.#deps = deps;
  }

  /** Resolves a handle or DID; see {@linkcode IdentityResolver.resolve} for errors. */
  resolve(
    identifier: string,
    options: Omit<ResolveOptions, "fresh"> = {},
  ): Promise<Identity> {
    return this.#deps.identities.resolve(identifier, options);
  }

  /**
   * Throws AppError `NAME_UNKNOWN` with the reason when the content of `owner`
   * must not be served; with `current` the status is checked now.
   */
  requireShown(owner: Identity, current = false): Promise<void> {
    return this.#deps.hosting.require(owner, current);
  }

  /**
   * Resolves `identifier` again and returns the identity if its account or PDS
   * differs from `known`: handles change owners, and accounts move. Undefined
   * when nothing has changed, or the network cannot be reached.
   */
  changed(
    identifier: string,
    known: Identity,
    options: Pick<ResolveOptions, "signal"> = {},
  ): Promise<Identity | undefined> {
    return resolveAgain(this.#deps.identities, identifier, known, {
      maxAgeMs: MAX_AGE_MS,
      patienceMs: PATIENCE_MS,
      signal: options.signal,
    });
  }

  /**
   * The hold that new blobs of `owner` go to: the profile's `defaultHold`, else
   * the configured default. The cached profile is used while the PDS does not
   * respond.
   */
  async holdForPush(owner: Identity, signal?: AbortSignal): Promise<Did> {
    const { kv, clock, defaultHold } = this.#deps;
    const known = await kv.get<ProfileRow>(registryKeys.profile(owner.did));
    const fresh = known !== undefined &&
      isWithin(known.value.checkedAt, PROFILE_TTL_MS, clock.now());
    if (fresh) return known.value.defaultHold ?? defaultHold;
    try {
      const row = await this.#readProfile(owner, signal);
      return row.defaultHold ?? defaultHold;
    } catch (error) {
      if (signal?.aborted) throw error;
      this.#deps.log.warn("sailor profile not readable", {
        did: owner.did,
        error,
      });
      return known?.value.defaultHold ?? defaultHold;
    }
  }

  /** The same from cached data, without a request to a PDS. */
  async knownHold(owner: Did): Promise<Did> {
    const { kv, defaultHold } = this.#deps;
    const known = await kv.get<ProfileRow>(registryKeys.profile(owner));
    return known?.value.defaultHold ?? defaultHold;
  }

  /**
   * Writes the sailor profile of an account that signs in for the first time.
   * An existing profile is not changed.
   */
  async ensureProfile(owner: Identity, session: PdsSession): Promise<void> {
    const { kv, clock, defaultHold } = this.#deps;
    if (await kv.get(registryKeys.profile(owner.did))) return;
    if ((await this.#readProfile(owner)).exists) return;
    const value = writeProfile({ defaultHold, now: clock.now() });
    try {
      // Never overwrites a profile that is written concurrently.
      await session.applyWrites([
        { action: "create", collection: PROFILE, rkey: "self", value },
      ]);
    } catch (error) {
      if (!(await this.#readProfile(owner)).exists) throw error;
      return;
    }
    await this.#remember(owner.did, { defaultHold });
  }

  async #readProfile(
    owner: Identity,
    signal?: AbortSignal,
  ): Promise<{ exists: boolean; defaultHold?: Did }> {
    const { reader } = this.#deps;
    const record = await reader.record(owner, PROFILE, "self", signal);
    const profile = record && readProfile(record);
    const hold = profile?.defaultHold === undefined
      ? {}
      : { defaultHold: profile.defaultHold };
    // A missing profile is not cached: the next login writes it.
    if (record) await this.#remember(owner.did, hold);
    else await this.#deps.kv.delete(registryKeys.profile(owner.did));
    return { exists: record !== undefined, ...hold };
  }

  async #remember(did: Did, hold: { defaultHold?: Did }): Promise<void> {
    const row: ProfileRow = { ...hold, checkedAt: this.#deps.clock.now() };
    await this.#deps.kv.set(registryKeys.profile(did), row);
  }
}
