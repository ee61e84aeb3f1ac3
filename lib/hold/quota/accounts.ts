/**
 * Rows of quota accounts in KV. They change only in commits that check the
 * account's row, so that the decisions of all instances are serialised.
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { damagedBlobs } from "../blobs/damaged_blobs.ts";
import { holdKeys } from "../kv_keys.ts";
import {
  type AccountRow,
  type Charge,
  type ChargeRow,
  EMPTY_ACCOUNT,
  reservationOf,
  withCharges,
  withDeleted,
  withoutCharges,
  withReservation,
} from "./account.ts";
import { type Blob, type Claims, distinct, sizeOf } from "./claims.ts";
import { type StoredBlob, StoredBlobs } from "./stored_blobs.ts";

/** A change planned for the current account. */
export interface Plan<T> {
  /** The new account; undefined for no change. */
  readonly account?: AccountRow;
  /** Blobs to charge; not yet included in `account`. */
  readonly charge?: readonly Uncharged[];
  /** Charges to end; still included in `account`. */
  readonly discharge?: readonly Charge[];
  /** Charges to mark as deleted; not yet deleted in `account`. */
  readonly retire?: readonly Charge[];
  readonly result: T;
}

/** A blob that does not count for an account: it is not charged, or deleted. */
export interface Uncharged extends Blob {
  /** Whether there is a charge that is marked as deleted. */
  readonly deleted?: boolean;
}

/** Charges per commit: the keys of this many fit into a commit with the longest DIDs. */
export const CHARGE_BATCH = 35;

/** Damaged blobs considered; with more of them the operator has to repair the store. */
const MAX_DAMAGED = 1_000;

/** Attempts of a commit under contention. */
const MAX_COMMITS = 100;

export interface AccountsDeps {
  kv: Kv;
  clock: Clock;
  claims: Claims;
}

/** Reads and changes accounts. */
export class Accounts {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #claims: Claims;
  /** One commit at a time per account, to avoid conflicts within the process. */
  readonly #turns = new KeyedMutex();
  readonly #stored: StoredBlobs;

  constructor(deps: AccountsDeps) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#claims = deps.claims;
    this.#stored = new StoredBlobs(
      this.#turns,
      (user, group) => this.#commitStored(user, group),
    );
  }

  /** The current account of `user`. */
  async account(user: Did): Promise<AccountRow> {
    return (await this.#open(user))?.value ?? EMPTY_ACCOUNT;
  }

  /**
   * Applies the change that `plan` returns; `plan` may be called several times.
   * Throws AppError `UNAVAILABLE` under contention, and the errors of `plan`;
   * nothing is changed then.
   */
  async change<T>(
    user: Did,
    plan: (account: AccountRow) => Plan<T> | Promise<Plan<T>>,
  ): Promise<T> {
    return await this.#turns.run(user, async () => {
      for (let i = 0; i < MAX_COMMITS; i++) {
        const entry = await this.#open(user);
        const planned = await plan(entry?.value ?? EMPTY_ACCOUNT);
        const { charge = [], discharge = [], retire = [], result } = planned;
        if (!planned.account) return result;
        const change = this.#kv.atomic();
        const charged = withCharges(planned.account, charge);
        const account = withDeleted(withoutCharges(charged, discharge), retire);
        this.#put(change, user, entry, account);
        this.#charge(change, user, charge);
        for (const { digest } of discharge) {
          change.delete(holdKeys.charge(user, digest));
        }
        for (const { digest, size, since } of retire) {
          const row: ChargeRow = { size, since, deleted: true };
          change.set(holdKeys.charge(user, digest), row);
        }
        if (await change.commit()) return result;
      }
      throw busyAccount(user);
    });
  }

  /**
   * Makes a blob readable, charges it and ends its reservation in one commit.
   * Returns false when a check failed.
   */
  commitStored(user: Did, stored: StoredBlob): Promise<boolean> {
    return this.#stored.commit(user, stored);
  }

  async #commitStored(
    user: Did,
    group: readonly StoredBlob[],
  ): Promise<boolean> {
    const { entry, charges } = await this.#openWith(
      user,
      group.map(({ blob }) => blob.digest),
    );
    const change = this.#kv.atomic();
    const now = this.#clock.now();
    let account = entry?.value ?? EMPTY_ACCOUNT;
    for (const { blob, uploadId, publish } of group) {
      publish(change);
      if (reservationOf(account, uploadId, now)) {
        account = withReservation(account, uploadId, undefined, now);
      }
      const charge = charges.get(blob.digest);
      if (!charge || charge.deleted) {
        const { deleted = false } = charge ?? {};
        account = withCharges(account, [{ ...blob, deleted }]);
        this.#charge(change, user, [blob]);
      }
      // Unlike the charge, it is kept when no manifest needs the blob.
      change.set(holdKeys.uploader(blob.digest, user), true);
    }
    // Also unchanged: a charge that was seen must not end before the commit.
    this.#put(change, user, entry, account);
    return await change.commit();
  }

  /**
   * Reads an account, and which of `digests` are charged to it, in one read if
   * the account is counted.
   */
  async #openWith(
    user: Did,
    digests: readonly Digest[],
  ): Promise<{
    entry?: Entry<AccountRow>;
    charges: ReadonlyMap<Digest, ChargeRow>;
  }> {
    const [found, ...rows] = await this.#kv.getMany<unknown>([
      holdKeys.account(user),
      ...digests.map((digest) => holdKeys.charge(user, digest)),
    ]);
    const entry = found as Entry<AccountRow> | undefined;
    if (entry?.value.counted) {
      const known = rows as (Entry<ChargeRow> | undefined)[];
      return { entry, charges: byDigest(chargesOf(digests, known)) };
    }
    const opened = await this.#open(user);
    const charges = byDigest(await this.charges(user, digests));
    return { ...(opened ? { entry: opened } : {}), charges };
  }

  /** The charges of `user` for those of `digests` that have one, deleted or not, in a counted account. */
  async charges(user: Did, digests: readonly Digest[]): Promise<Charge[]> {
    const rows = await this.#kv.getMany<ChargeRow>(
      digests.map((digest) => holdKeys.charge(user, digest)),
    );
    return chargesOf(digests, rows);
  }

  /** Like {@linkcode charges}, without those marked as deleted. */
  async counting(user: Did, digests: readonly Digest[]): Promise<Charge[]> {
    return (await this.charges(user, digests)).filter(({ deleted }) =>
      !deleted
    );
  }

  /** Bytes of damaged blobs charged to `user`; a push that repairs them needs no more room. */
  async repairableBytes(user: Did): Promise<number> {
    const digests = await damagedBlobs(this.#kv, MAX_DAMAGED);
    return sizeOf(await this.counting(user, digests));
  }

  /** Those of `blobs` that do not count for `user`, each once. */
  async uncharged(user: Did, blobs: readonly Blob[]): Promise<Uncharged[]> {
    const all = distinct(blobs);
    const digests = all.map(({ digest }) => digest);
    const known = byDigest(await this.charges(user, digests));
    return all.flatMap((blob) => {
      const charge = known.get(blob.digest);
      if (!charge) return [blob];
      return charge.deleted ? [{ ...blob, deleted: true }] : [];
    });
  }

  /**
   * Reads an account. If the user's blobs were stored before accounts existed,
   * they are counted first: batch by batch, by any number of instances.
   */
  async #open(user: Did): Promise<Entry<AccountRow> | undefined> {
    const key = holdKeys.account(user);
    const found = await this.#kv.get<AccountRow>(key);
    if (found?.value.counted) return found;
    let batch: Blob[] = [];
    let entry = found;
    for await (const blob of this.#claims.blobsOf(user)) {
      batch.push(blob);
      if (batch.length < CHARGE_BATCH) continue;
      entry = await this.#count(user, batch, false);
      batch = [];
    }
    if (batch.length === 0 && !entry) return undefined;
    return await this.#count(user, batch, true);
  }

  async #count(
    user: Did,
    batch: readonly Blob[],
    complete: boolean,
  ): Promise<Entry<AccountRow>> {
    const key = holdKeys.account(user);
    for (let i = 0; i < MAX_COMMITS; i++) {
      const entry = await this.#kv.get<AccountRow>(key);
      if (entry?.value.counted) return entry;
      const before = entry?.value ?? { ...EMPTY_ACCOUNT, counted: false };
      const fresh = await this.uncharged(user, batch);
      const change = this.#kv.atomic();
      const next = { ...withCharges(before, fresh), counted: complete };
      this.#put(change, user, entry, next);
      this.#charge(change, user, fresh);
      if (!await change.commit()) continue;
      const counted = await this.#kv.get<AccountRow>(key);
      if (counted) return counted;
    }
    throw busyAccount(user);
  }

  #charge(change: Atomic, user: Did, blobs: readonly Blob[]): void {
    const since = this.#clock.now();
    for (const { digest, size } of blobs) {
      const row: ChargeRow = { size, since };
      change.set(holdKeys.charge(user, digest), row);
    }
  }

  #put(
    change: Atomic,
    user: Did,
    entry: Entry<AccountRow> | undefined,
    account: AccountRow,
  ): void {
    const key = holdKeys.account(user);
    change.check(key, entry?.versionstamp ?? null).set(key, account);
  }
}

function chargesOf(
  digests: readonly Digest[],
  rows: readonly (Entry<ChargeRow> | undefined)[],
): Charge[] {
  return digests.flatMap((digest, i) => {
    const row = rows[i]?.value;
    return row === undefined ? [] : [{ ...row, digest }];
  });
}

function byDigest(charges: readonly Charge[]): ReadonlyMap<Digest, Charge> {
  return new Map(charges.map((charge) => [charge.digest, charge]));
}

function busyAccount(user: Did): AppError {
  return new AppError(
    "UNAVAILABLE",
    `Too many concurrent changes of what ${user} stores; try again in a moment.`,
    { retryAfterSeconds: 1 },
  );
}
