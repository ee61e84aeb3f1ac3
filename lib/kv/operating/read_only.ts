/**
 * Read-only mode of all instances of a store: clients may read and sign in, and
 * nothing else is changed. For backups of stores without snapshots and for moves.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { readOnlyKey } from "../keys.ts";
import type { Kv } from "../kv.ts";

/** How long an instance may take to notice a change, in milliseconds. */
export const NOTICE_MS = 5_000;

/** Seconds after which clients should try again. */
const RETRY_SECONDS = 60;

/** Whether this instance only reads. */
export class ReadOnlyMode {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #always: boolean;
  #seen: { readonly at: number; readonly isOn: Promise<boolean> } | undefined;

  /** @param deps.always set by the configuration. */
  constructor(deps: { kv: Kv; clock: Clock; always: boolean }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#always = deps.always;
  }

  /** Whether it is on; at most {@linkcode NOTICE_MS} old. */
  async isOn(): Promise<boolean> {
    if (this.#always) return true;
    const now = this.#clock.now();
    const age = now - (this.#seen?.at ?? -Infinity);
    if (this.#seen === undefined || age < 0 || age >= NOTICE_MS) {
      const isOn = this.#kv.get(readOnlyKey).then((row) => row !== undefined);
      this.#seen = { at: now, isOn };
      isOn.catch(() => this.#seen = undefined);
    }
    return await this.#seen.isOn;
  }

  /** Throws AppError `UNAVAILABLE` while it is on. */
  async requireWritable(): Promise<void> {
    if (!await this.isOn()) return;
    throw new AppError(
      "UNAVAILABLE",
      "This server only reads at the moment, for maintenance; pull as usual, and push later.",
      { retryAfterSeconds: RETRY_SECONDS },
    );
  }
}

/** Switches the mode of all instances; they notice within {@linkcode NOTICE_MS}. */
export async function setReadOnly(
  kv: Kv,
  clock: Clock,
  isOn: boolean,
): Promise<void> {
  if (isOn) await kv.set(readOnlyKey, { since: clock.now() });
  else await kv.delete(readOnlyKey);
}
