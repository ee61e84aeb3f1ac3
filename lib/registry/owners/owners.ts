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
import {
  readProfile,
  type SailorProfile,
} from "../../atproto/records/records.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ProfileRow } from "../rows.ts";
import type { OwnerReader } from "./owner_reader.ts";

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
  /** How long a sailor profile is cached, in milliseconds. */
  profileTtlMs: number;
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
    const { defaultHold } = this.#deps;
    return (await this.#profile(owner, signal)).defaultHold ?? defaultHold;
  }

  /** Whether the owner wants images deleted that lose their last tag; see {@linkcode Owners.holdForPush} for how it is known. */
  async removesUntagged(
    owner: Identity,
    signal?: AbortSignal,
  ): Promise<boolean> {
    return (await this.#profile(owner, signal)).removesUntagged ?? false;
  }

  /** Notes the settings of an owner that were just written. */
  noteProfile(did: Did, profile: SailorProfile): Promise<void> {
    return this.#remember(did, rowOf(profile));
  }

  /** Handles an event of the network: the profile is read again before the next push. */
  async profileChanged(did: Did): Promise<void> {
    const { kv } = this.#deps;
    const key = registryKeys.profile(did);
    const known = await kv.get<ProfileRow>(key);
    if (!known) return;
    // Kept, in case the PDS does not respond. False: it was just read or written.
    await kv.atomic().check(key, known.versionstamp)
      .set(key, { ...known.value, checkedAt: 0 }).commit();
  }

  async #profile(
    owner: Identity,
    signal: AbortSignal | undefined,
  ): Promise<KnownProfile> {
    const { kv, clock, log, profileTtlMs } = this.#deps;
    const known = await kv.get<ProfileRow>(registryKeys.profile(owner.did));
    const fresh = known !== undefined &&
      isWithin(known.value.checkedAt, profileTtlMs, clock.now());
    if (fresh) return known.value;
    try {
      return await this.#readProfile(owner, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      log.warn("sailor profile not readable", { did: owner.did, error });
      return known?.value ?? {};
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
  ): Promise<KnownProfile & { exists: boolean }> {
    const { reader } = this.#deps;
    const record = await reader.record(owner, PROFILE, "self", signal);
    const row = rowOf(record && readProfile(record));
    // A missing profile is not cached: the next login writes it.
    if (record) await this.#remember(owner.did, row);
    else await this.#deps.kv.delete(registryKeys.profile(owner.did));
    return { exists: record !== undefined, ...row };
  }

  async #remember(did: Did, profile: KnownProfile): Promise<void> {
    const row: ProfileRow = {
      ...profile,
      checkedAt: this.#deps.clock.now(),
    };
    await this.#deps.kv.set(registryKeys.profile(did), row);
  }
}

/** What rows keep of a profile. */
type KnownProfile = Omit<ProfileRow, "checkedAt">;

function rowOf(profile: SailorProfile | undefined): KnownProfile {
  return {
    ...(profile?.defaultHold === undefined
      ? {}
      : { defaultHold: profile.defaultHold }),
    ...(profile?.autoRemoveUntagged ? { removesUntagged: true as const } : {}),
  };
}
