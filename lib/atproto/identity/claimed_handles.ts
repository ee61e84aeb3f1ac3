/**
 * Former handles of accounts, as far as this store has seen them: image names
 * stay valid after a change of the handle.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { claimedKey } from "../kv_keys.ts";

/** The last account with a handle. */
interface ClaimedRow {
  did: Did;
}

/** How long a former handle is kept, in milliseconds. */
const FORMER_MS = 365 * 24 * 3_600_000;

/** Stores which account last had a handle. */
export class ClaimedHandles {
  readonly #kv: Kv;
  readonly #clock: Clock;

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** Records that the account has the handle now. */
  async note(did: Did, handle: string): Promise<void> {
    const row: ClaimedRow = { did };
    const expiresAt = this.#clock.now() + FORMER_MS;
    await this.#kv.set(claimedKey(handle), row, { expiresAt });
  }

  /** Whether the account was the last one with the handle. */
  async has(did: Did, handle: string): Promise<boolean> {
    const row = await this.#kv.get<ClaimedRow>(claimedKey(handle));
    return row?.value.did === did;
  }
}
