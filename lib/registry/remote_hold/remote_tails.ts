/**
 * Budget for the tails of uploads to remote holds, which are stored here: one
 * account cannot fill the store with unfinished uploads.
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { type Clock, isAhead } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";

/** The tail of one upload. */
interface Tail {
  readonly bytes: number;
  /** When it was last changed, and when it expires, in milliseconds since the Unix epoch. */
  readonly at: number;
  readonly until: number;
}

/** Tails of one account, by the id of the upload. */
type Tails = Readonly<Record<string, Tail>>;

export interface RemoteTailsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  /** Idle time after which an upload expires, in milliseconds. */
  readonly ttlMs: number;
  /** Bytes of all tails of one account; 128 MiB by default, 16 tails of the largest size. */
  readonly budgetBytes?: number;
}

const BUDGET_BYTES = 128 * 1024 * 1024;

/** Uploads with a tail of one account; more do not fit into a row. */
const MAX_TAILS = 300;

/** Attempts of a commit under contention between instances. */
const ATTEMPTS = 50;

/** Changes of one account wait for each other within the process, whatever the hold. */
const turns = new KeyedMutex();

/** Counts the bytes of tails by account. */
export class RemoteTails {
  readonly #deps: RemoteTailsDeps;

  constructor(deps: RemoteTailsDeps) {
    this.#deps = deps;
  }

  /**
   * Reserves `bytes` for the tail of an upload, 0 for none any more. Throws
   * AppError `UNAVAILABLE` when the tails of `caller` exceed the budget.
   */
  async hold(caller: Did, id: string, bytes: number): Promise<void> {
    await turns.run(caller, () => this.#hold(caller, id, bytes));
  }

  async #hold(caller: Did, id: string, bytes: number): Promise<void> {
    const { kv, clock, ttlMs, budgetBytes = BUDGET_BYTES } = this.#deps;
    const key = registryKeys.remoteTailBudget(caller);
    for (let i = 0; i < ATTEMPTS; i++) {
      const entry = await kv.get<Tails>(key);
      const at = clock.now();
      const until = at + ttlMs;
      const tails = liveTails(entry?.value ?? {}, id, at);
      const others = Object.values(tails);
      const used = others.reduce((sum, tail) => sum + tail.bytes, 0);
      const isOver = used + bytes > budgetBytes || others.length >= MAX_TAILS;
      if (bytes > 0 && isOver) throw tooManyTails(caller);
      if (bytes === 0 && !entry?.value[id]) return;
      const next: Tails = bytes === 0
        ? tails
        : { ...tails, [id]: { bytes, at, until } };
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
      // Later ones extend it.
      if (Object.keys(next).length === 0) commit.delete(key);
      else commit.set(key, next, { expiresAt: until });
      if (await commit.commit()) return;
    }
    throw tooManyTails(caller);
  }
}

/** The tails that have not expired, without that of `id`. */
function liveTails(tails: Tails, id: string, now: number): Tails {
  return Object.fromEntries(
    Object.entries(tails).filter(([key, { at, until }]) =>
      key !== id && until > now && !isAhead(at, now)
    ),
  );
}

function tooManyTails(caller: Did): AppError {
  return new AppError(
    "UNAVAILABLE",
    `${caller} has too many unfinished uploads to holds of others; finish or cancel some, or try again later.`,
    { retryAfterSeconds: 10 },
  );
}
