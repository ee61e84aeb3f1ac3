/**
 * Repositories that an account shows first. No record has a field for them, so
 * that the rows here are the only place.
 *
 * @module
 */

import { z } from "zod";
import { type Did, storedDidSchema } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { parseRepository } from "../../oci/name.ts";
import { peopleKeys } from "./kv_keys.ts";
import type { RepoRef } from "../visible.ts";

/** Pins of one account. */
const MAX_PINS = 6;

const row = z.array(z.object({ did: storedDidSchema, repo: z.string() }));

/** Reads and writes pins. */
export class Pins {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** The pinned repositories in their order. */
  async get(did: Did): Promise<readonly RepoRef[]> {
    const entry = await this.#kv.get(peopleKeys.pins(did));
    return row.safeParse(entry?.value).data ?? [];
  }

  /**
   * Pins `repos` in this order in place of what is pinned. Throws AppError
   * `INVALID_REQUEST` for more than six or one twice, and `NAME_INVALID`.
   */
  async set(did: Did, repos: readonly RepoRef[]): Promise<void> {
    if (repos.length > MAX_PINS) {
      throw new AppError(
        "INVALID_REQUEST",
        `At most ${MAX_PINS} repositories can be pinned; unpin one first.`,
      );
    }
    const names = new Set(repos.map((one) => `${one.did}/${one.repo}`));
    if (names.size < repos.length) {
      throw new AppError(
        "INVALID_REQUEST",
        "A repository can be pinned once only; leave out the second one.",
      );
    }
    const pins = repos.map((one) => ({
      did: one.did,
      repo: parseRepository(one.repo),
    }));
    const key = peopleKeys.pins(did);
    if (pins.length === 0) await this.#kv.delete(key);
    else await this.#kv.set(key, pins);
  }
}
