/**
 * Budgets for the tails of uploads to remote holds, which are stored here:
 * neither one account nor many can fill the store with unfinished uploads. Where
 * there is no room for all, the accounts with the most make room for the others.
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { type Clock, isAhead, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { registryKeys } from "../kv_keys.ts";
import { keptMs, RemoteUploadRows } from "./remote_upload_rows.ts";

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
  /** Bytes of all tails in the store, of all accounts and instances; 2 GiB by default. */
  readonly totalBytes?: number;
}

const BUDGET_BYTES = 128 * 1024 * 1024;
const TOTAL_BYTES = 2 * 1024 ** 3;

/** How long the sum over all accounts is used, in milliseconds. */
const TOTAL_MS = 5_000;

/** Uploads with a tail of one account; more do not fit into a row. */
const MAX_TAILS = 300;

/** Uploads that one request may end to get room. */
const MAX_DROPS = 100;

/** Attempts of a commit under contention between instances. */
const ATTEMPTS = 50;

/** Counts the bytes of tails by account; one of them counts for all holds. */
export class RemoteTails {
  readonly #deps: RemoteTailsDeps;
  readonly #rows: RemoteUploadRows;
  /** One change at a time per account, to avoid conflicts within the process. */
  readonly #turns = new KeyedMutex();
  #total: { bytes: number; readonly at: number } | undefined;

  constructor(deps: RemoteTailsDeps) {
    this.#deps = deps;
    this.#rows = new RemoteUploadRows(deps);
  }

  /**
   * Reserves `bytes` for the tail of an upload, 0 for none any more. When those
   * of all accounts exceed their budget, uploads of accounts with more than
   * `caller` end, the oldest first. Throws AppError `UNAVAILABLE` when there are
   * none, or when the tails of `caller` exceed the budget of an account.
   */
  async hold(caller: Did, id: string, bytes: number): Promise<void> {
    if (bytes > 0) await this.#makeRoom(caller, bytes);
    await this.#turns.run(caller, () => this.#hold(caller, id, bytes));
    // Others of this process must not take the same room.
    if (this.#total) this.#total.bytes += bytes;
  }

  async #makeRoom(caller: Did, bytes: number): Promise<void> {
    const { totalBytes = TOTAL_BYTES } = this.#deps;
    for (let i = 0; i < MAX_DROPS; i++) {
      if (await this.#allBytes() + bytes <= totalBytes) return;
      if (!await this.#dropOne(caller, bytes)) break;
    }
    throw new AppError(
      "UNAVAILABLE",
      "This registry has too many unfinished uploads to holds of others; try again later.",
      { retryAfterSeconds: 60 },
    );
  }

  /**
   * Ends the oldest upload of the account with the most bytes, if these are more
   * than `caller` has with `bytes` more; returns whether there was one.
   */
  async #dropOne(caller: Did, bytes: number): Promise<boolean> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    let most = { did: caller, tails: {} as Tails, bytes: 0 };
    let own = bytes;
    const rows = kv.list<Tails>({ prefix: registryKeys.remoteTailBudgets });
    for await (const { key, value } of rows) {
      const did = String(key[2]) as Did;
      const tails = liveTails(value, undefined, now);
      const size = sizeOf(tails);
      if (did === caller) own += size;
      else if (size > most.bytes) most = { did, tails, bytes: size };
    }
    const [oldest] = Object.entries(most.tails)
      .toSorted(([, a], [, b]) => a.at - b.at);
    if (!oldest || most.bytes <= own) return false;
    const [id] = oldest;
    await this.#rows.remove(id);
    await this.#turns.run(most.did, () => this.#hold(most.did, id, 0));
    this.#total = undefined;
    return true;
  }

  /** Bytes of the tails of all accounts, a few seconds ago. */
  async #allBytes(): Promise<number> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    const known = this.#total;
    if (known && isWithin(known.at, TOTAL_MS, now)) return known.bytes;
    let bytes = 0;
    const rows = kv.list<Tails>({ prefix: registryKeys.remoteTailBudgets });
    for await (const { value } of rows) {
      bytes += sizeOf(liveTails(value, undefined, now));
    }
    this.#total = { bytes, at: now };
    return bytes;
  }

  async #hold(caller: Did, id: string, bytes: number): Promise<void> {
    const { kv, clock, ttlMs, budgetBytes = BUDGET_BYTES } = this.#deps;
    const key = registryKeys.remoteTailBudget(caller);
    for (let i = 0; i < ATTEMPTS; i++) {
      const entry = await kv.get<Tails>(key);
      const at = clock.now();
      const until = at + keptMs(ttlMs);
      const tails = liveTails(entry?.value ?? {}, id, at);
      const isOver = sizeOf(tails) + bytes > budgetBytes ||
        Object.keys(tails).length >= MAX_TAILS;
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

/** Bytes of all `tails`. */
function sizeOf(tails: Tails): number {
  return Object.values(tails).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The tails that have not expired, without that of `id`. */
function liveTails(
  tails: Tails,
  id: string | undefined,
  now: number,
): Tails {
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
