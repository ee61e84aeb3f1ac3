/**
 * The settings that an owner keeps in the sailor profile, for all registries.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader, PdsSession } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { changeProfile } from "../../atproto/records/record_writers.ts";
import {
  readProfile,
  type SailorProfile,
} from "../../atproto/records/records.ts";
import type { Clock } from "../../clock.ts";
import type { Owners } from "./owners.ts";

export interface SailorSettingsDeps {
  clock: Clock;
  pds: Pick<PdsReader, "getRecord">;
  owners: Pick<Owners, "noteProfile">;
}

const { profile: PROFILE } = OWNER_COLLECTIONS;
const RKEY = "self";

/** What holds where nothing was chosen. */
const NOTHING_CHOSEN: SailorProfile = {
  defaultHold: undefined,
  autoRemoveUntagged: false,
  client: undefined,
  registryDomain: undefined,
};

/** Reads and writes them. */
export class SailorSettings {
  readonly #deps: SailorSettingsDeps;

  constructor(deps: SailorSettingsDeps) {
    this.#deps = deps;
  }

  /** The settings as the owner's PDS has them now. Throws AppError where it does not answer. */
  async read(owner: Identity, signal?: AbortSignal): Promise<SailorProfile> {
    const { pds, did } = owner;
    const found = pds === undefined
      ? undefined
      : await this.#deps.pds.getRecord(pds, did, PROFILE, RKEY, signal);
    return readProfile(found?.value) ?? NOTHING_CHOSEN;
  }

  /**
   * Writes them. Throws AppError `CONFLICT` when they are written elsewhere at
   * the same moment, and what the PDS answers.
   */
  async write(
    session: PdsSession,
    wanted: SailorProfile,
    signal?: AbortSignal,
  ): Promise<void> {
    const { pds, clock, owners } = this.#deps;
    const { did } = session;
    const before = await pds.getRecord(
      session.pds,
      did,
      PROFILE,
      RKEY,
      signal,
    );
    const value = changeProfile(before?.value ?? {}, wanted, clock.now());
    // A PDS need not give the CID of what it has.
    const swap = before === undefined ? null : before.cid || undefined;
    await session.putRecord(PROFILE, RKEY, value, signal, swap);
    await owners.noteProfile(did, wanted);
  }
}
