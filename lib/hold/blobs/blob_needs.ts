/**
 * Accounts that may need a blob which they did not upload: they mounted it, or
 * asked for it as one does before a push. Such a row costs its account nothing,
 * so it is limited in number and time.
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Atomic, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";

/** One blob that an account may need. */
interface NeedRow {
  /** When the account asked for it last, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** The rows of one account. Every change of them is one commit that checks this row. */
interface NeedsRow extends NeedRow {
  /** Number of its rows. */
  readonly count: number;
}

/** Result of reading all manifests in the repo of an account. */
export interface WholeRead {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Blobs of manifests that are not recorded: their rows stay. */
  readonly unrecorded: ReadonlySet<Digest>;
  /** How long the manifest of a push may come after the blobs, in milliseconds. */
  readonly graceMs: number;
}

export interface BlobNeedsDeps {
  kv: Kv;
  clock: Clock;
  /** Maximum number of blobs that one account may need; 10,000 by default. */
  maxPerAccount?: number;
}

const HOUR_MS = 3_600_000;

/**
 * How long a row counts while the repo cannot be read of an account that has no
 * manifest here. Pushing needs a repo that works, so that is long enough.
 */
const LIFE_MS = 30 * 24 * HOUR_MS;

/** A row is not written again within this time, in milliseconds. */
const FRESH_MS = HOUR_MS;

const MAX_PER_ACCOUNT = 10_000;

/** Rows per commit: their keys fit with the longest DIDs. */
const BATCH = 17;

/** Attempts of a commit under contention. */
const MAX_COMMITS = 100;

/** Records what accounts may need. */
export class BlobNeeds {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #max: number;
  /** One commit at a time per account, to avoid conflicts within the process. */
  readonly #turns = new KeyedMutex();

  constructor(deps: BlobNeedsDeps) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#max = deps.maxPerAccount ?? MAX_PER_ACCOUNT;
  }

  /**
   * Records that `account` may need `digests`; those beyond the limit of an
   * account are not recorded. Throws AppError `UNAVAILABLE` under contention.
   */
  async add(account: Did, digests: readonly Digest[]): Promise<void> {
    const now = this.#clock.now();
    const found = await this.#rows(account, digests);
    const due = digests.filter((digest) => {
      const row = found.get(digest);
      return !row || !isWithin(row.at, FRESH_MS, now);
    });
    for (let i = 0; i < due.length; i += BATCH) {
      const batch = due.slice(i, i + BATCH);
      await this.#change(account, async ({ count }, change) => {
        const known = await this.#rows(account, batch);
        const room = Math.max(0, this.#max - count);
        const fresh = batch.filter((d) => !known.has(d)).slice(0, room);
        const row: NeedRow = { at: now };
        for (const digest of [...known.keys(), ...fresh]) {
          change.set(holdKeys.need(account, digest), row);
          change.set(holdKeys.needer(digest, account), row);
        }
        return { count: count + fresh.length, at: now };
      });
    }
  }

  /** Accounts with rows. */
  async *accounts(): AsyncIterableIterator<Did> {
    const rows = this.#kv.list({ prefix: holdKeys.mayNeedAny });
    for await (const { key } of rows) yield String(key[2]) as Did;
  }

  /** Returns one of `people`, whose repos cannot be read, who may need the blob. */
  async anyOf(
    digest: Digest,
    people: ReadonlySet<Did>,
  ): Promise<Did | undefined> {
    const prefix = holdKeys.needers(digest);
    for await (const { key, value } of this.#kv.list<NeedRow>({ prefix })) {
      const account = String(key[3]) as Did;
      if (!people.has(account)) continue;
      if (this.#isLive(value) || await this.#hasManifest(account)) {
        return account;
      }
    }
  }

  /**
   * Ends rows of `account`: after a read of its repo those from before it, as
   * its manifests are recorded and need no row; while it cannot be read
   * (undefined), those that have lived too long.
   */
  async settle(account: Did, read: WholeRead | undefined): Promise<void> {
    if (!await this.#kv.get(holdKeys.mayNeed(account))) return;
    const stays = !read && await this.#hasManifest(account);
    const isOver = (row: NeedRow) =>
      read ? !isWithin(row.at, read.graceMs, read.since) : !this.#isLive(row);
    const due: Digest[] = [];
    const prefix = holdKeys.needs(account);
    for await (const { key, value } of this.#kv.list<NeedRow>({ prefix })) {
      const digest = String(key[3]) as Digest;
      if (stays || !isOver(value) || read?.unrecorded.has(digest)) continue;
      due.push(digest);
    }
    for (let i = 0; i < due.length; i += BATCH) {
      await this.#remove(account, due.slice(i, i + BATCH), isOver);
    }
    // Also of an earlier version, which noted no time: it begins now.
    await this.#change(account, (row) => {
      const isLast = row.count === 0 && !stays && isOver(row);
      return isLast ? undefined : row;
    });
  }

  /** Deletes what is recorded of a deleted blob. */
  async forget(digest: Digest): Promise<void> {
    const prefix = holdKeys.needers(digest);
    for await (const { key } of this.#kv.list({ prefix })) {
      await this.#remove(String(key[3]) as Did, [digest], () => true);
    }
  }

  async #remove(
    account: Did,
    digests: readonly Digest[],
    isOver: (row: NeedRow) => boolean,
  ): Promise<void> {
    await this.#change(account, async (row, change) => {
      let { count } = row;
      for (const [digest, found] of await this.#rows(account, digests)) {
        // Asked for meanwhile.
        if (!isOver(found)) continue;
        change.delete(holdKeys.need(account, digest));
        change.delete(holdKeys.needer(digest, account));
        count--;
      }
      return { ...row, count };
    });
  }

  /** Those of `digests` with a row. */
  async #rows(
    account: Did,
    digests: readonly Digest[],
  ): Promise<ReadonlyMap<Digest, NeedRow>> {
    const rows = await this.#kv.getMany<NeedRow>(
      digests.map((digest) => holdKeys.need(account, digest)),
    );
    const found = new Map<Digest, NeedRow>();
    for (const [i, digest] of digests.entries()) {
      const row = rows[i]?.value;
      if (row) found.set(digest, row);
    }
    return found;
  }

  /** Commits what `plan` adds, with the row of the account that it returns; undefined removes that. */
  async #change(
    account: Did,
    plan: (
      row: NeedsRow,
      change: Atomic,
    ) => NeedsRow | undefined | Promise<NeedsRow | undefined>,
  ): Promise<void> {
    const key = holdKeys.mayNeed(account);
    await this.#turns.run(account, async () => {
      for (let i = 0; i < MAX_COMMITS; i++) {
        const entry = await this.#kv.get<NeedsRow | true>(key);
        const before = entry && entry.value !== true
          ? entry.value
          : { count: 0, at: this.#clock.now() };
        const change = this.#kv.atomic();
        const row = await plan(before, change);
        change.check(key, entry?.versionstamp ?? null);
        if (row) change.set(key, row);
        else change.delete(key);
        if (await change.commit()) return;
      }
      throw new AppError(
        "UNAVAILABLE",
        `Too many concurrent requests of ${account} for blobs; try again in a moment.`,
        { retryAfterSeconds: 1 },
      );
    });
  }

  #isLive({ at }: NeedRow): boolean {
    return isWithin(at, LIFE_MS, this.#clock.now());
  }

  async #hasManifest(account: Did): Promise<boolean> {
    const range = holdKeys.manifestsOf(account);
    for await (const _ of this.#kv.list(range, { limit: 1 })) return true;
    return false;
  }
}
