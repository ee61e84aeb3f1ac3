/**
 * One visitor of one page: each hold is asked once whether they may read there.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";

/** Reads as `caller`. */
export class Reader {
  readonly caller: Caller;
  readonly #holds: HoldDirectory;
  readonly #known = new Map<Did, Promise<boolean>>();

  constructor(holds: HoldDirectory, caller: Caller) {
    this.#holds = holds;
    this.caller = caller;
  }

  /** Whether the caller may read in a hold; a hold that does not answer hides what it has. */
  readonly mayRead = (hold: Did): Promise<boolean> => {
    const known = this.#known.get(hold);
    if (known) return known;
    const asked = this.#ask(hold);
    this.#known.set(hold, asked);
    return asked;
  };

  async #ask(hold: Did): Promise<boolean> {
    try {
      const client = await this.#holds.get(hold);
      return (await client.mayRead(this.caller)).allowed;
    } catch (error) {
      if (isAppError(error)) return false;
      throw error;
    }
  }
}
