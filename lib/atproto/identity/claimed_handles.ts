/**
 * Handles that accounts have gone by, as far as this store has seen: names of
 * images outlive a change of the handle.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { claimedKey } from "../kv_keys.ts";

/** The account that went by a handle last. */
interface ClaimedRow {
  did: Did;
}

/** An account is known by its former handle for this time, in milliseconds. */
const FORMER_MS = 365 * 24 * 3_600_000;

/** Remembers who went by which handle. */
export class ClaimedHandles {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** Notes that the account goes by the handle now. */
  async note(did: Did, handle: string): Promise<void> {
    const row: ClaimedRow = { did };
    const expiresAt = this.#clock.now() + FORMER_MS;
    await this.#kv.set(claimedKey(handle), row, { expiresAt });
  }

  /** Whether the account was the last one to go by the handle. */
  async has(did: Did, handle: string): Promise<boolean> {
    const row = await this.#kv.get<ClaimedRow>(claimedKey(handle));
    return row?.value.did === did;
  }
}
