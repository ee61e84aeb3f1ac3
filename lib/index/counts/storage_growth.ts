/**
 * How much a hold stores, day by day.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { dayOf, startOfDay } from "../order.ts";
import { countKeys } from "./kv_keys.ts";
import type { IndexWatch } from "../watch.ts";

export interface StorageGrowthDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly watch: IndexWatch;
}

/** What a hold stores. */
export interface StoredAmount {
  readonly bytes: number;
  readonly blobs: number;
}

/** What a hold stored on a day. */
export interface StorageDay extends StoredAmount {
  /** When the day begins, in milliseconds since the Unix epoch. */
  readonly since: number;
}

/** How long a day is kept, in milliseconds: five years. */
const KEPT_MS = 5 * 366 * 86_400_000;
const MAX_DAYS = 400;

/** Notes and reads what holds store. */
export class StorageGrowth {
  readonly #deps: StorageGrowthDeps;

  constructor(deps: StorageGrowthDeps) {
    this.#deps = deps;
  }

  /** Notes what `hold` stores now; the last note of a day counts. */
  async note(hold: Did, { bytes, blobs }: StoredAmount): Promise<void> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    const row: StoredAmount = { bytes, blobs };
    const key = countKeys.storage(hold, dayOf(now));
    await kv.set(key, row, { expiresAt: now + KEPT_MS });
  }

  /** The days that something was noted of in the last `days` days (400 at most), the oldest first. */
  async daily(hold: Did, days = 90): Promise<StorageDay[]> {
    const { kv, clock, watch } = this.#deps;
    const first = dayOf(clock.now()) - Math.min(days, MAX_DAYS) + 1;
    const prefix = countKeys.storageOf(hold);
    const start = countKeys.storage(hold, first);
    const found: StorageDay[] = [];
    const rows = kv.list<StoredAmount>({ prefix, start }, { limit: MAX_DAYS });
    for await (const { key, value } of rows) {
      found.push({ ...value, since: startOfDay(Number(key.at(-1))) });
    }
    watch.rowsRead("storage", found.length);
    return found;
  }
}
