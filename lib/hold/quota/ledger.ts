/**
 * Charges blobs to users, each once. A blob is charged from the commit that
 * makes it readable, or from the admission of a manifest that names it. The
 * charge outlives the last manifest of the user that needs the blob: it is then
 * marked as deleted, and ends when the bytes are deleted, or when another
 * account is charged for them by a manifest. So every stored byte that was
 * uploaded is charged to an account.
 *
 * @module
 */

import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import {
  type Charge,
  type ChargeRow,
  reservationOf,
  usedBytes,
  withCharges,
  withReservation,
} from "./account.ts";
import { type Accounts, CHARGE_BATCH } from "./accounts.ts";
import { type Blob, type Claims, sizeOf } from "./claims.ts";
import { FoundManifests } from "./found_manifests.ts";
import { OtherPayers } from "./other_payers.ts";
import { type Limit, overQuota } from "./quota_errors.ts";

export interface QuotaLedgerDeps {
  kv: Kv;
  clock: Clock;
  claims: Claims;
  accounts: Accounts;
  /** The limit of a user; undefined when there is none. */
  limitOf: (user: Did) => Promise<Limit | undefined>;
}

/** How long a manifest being admitted keeps its reservation, in milliseconds. */
const ADMIT_MS = 60_000;

/** Charges blobs to users. */
export class QuotaLedger {
  readonly #deps: QuotaLedgerDeps;
  readonly #others: OtherPayers;
  /** Charges for manifests that were found in the repos of their owners. */
  readonly found: FoundManifests;

  constructor(deps: QuotaLedgerDeps) {
    this.#deps = deps;
    this.#others = new OtherPayers(
      deps,
      (user, blob) => this.#take(user, blob),
    );
    this.found = new FoundManifests({
      ...deps,
      payers: this.#others,
      admit: (user, digests, limit) => this.admit(user, digests, limit),
    });
  }

  /**
   * Charges those of `digests` that are in this hold and not charged to `user`
   * yet. Throws AppError `QUOTA_EXCEEDED` when they do not all fit `limit`, or
   * when the limit is exceeded already and the manifest would use another blob.
   */
  async admit(
    user: Did,
    digests: readonly Digest[],
    limit: Limit,
  ): Promise<void> {
    const { accounts, claims, clock } = this.#deps;
    const blobs = await claims.sized(digests);
    // This counts blobs stored before accounts existed.
    const account = await accounts.account(user);
    const used = usedBytes(account, clock.now(), limit.quota);
    const fresh = await accounts.uncharged(user, blobs);
    if (fresh.length === 0) {
      if (used > limit.quota && !await this.#areClaimed(user, blobs)) {
        throw overQuota(user, { used, added: undefined, limit });
      }
      return;
    }
    const id = `manifest ${crypto.randomUUID()}`;
    await accounts.change(user, (account) => {
      const now = clock.now();
      const bytes = sizeOf(fresh);
      const next = withCharges(account, fresh);
      const used = usedBytes(next, now, limit.quota) - bytes;
      if (used + bytes > limit.quota) {
        throw overQuota(user, { used, added: bytes, limit });
      }
      const reservation = { bytes, declared: 0, until: now + ADMIT_MS };
      return {
        account: withReservation(account, id, reservation, now),
        result: undefined,
      };
    });
    await this.#charge(user, fresh, id);
  }

  /** Records that manifests of `user` need `blobs`. Blobs in use are not refused by a quota. */
  async claimed(user: Did, blobs: readonly Blob[]): Promise<void> {
    await this.#charge(user, blobs, undefined);
  }

  /** Like {@linkcode claimed}, for blobs whose size is only in their row. */
  async claimedDigests(user: Did, digests: readonly Digest[]): Promise<void> {
    const { accounts, claims } = this.#deps;
    // Usually all are charged since their upload.
    const known = new Set(
      (await accounts.counting(user, digests)).map(({ digest }) => digest),
    );
    const fresh = digests.filter((digest) => !known.has(digest));
    if (fresh.length === 0) return;
    await this.claimed(user, await claims.sized(fresh));
  }

  /**
   * Ends the charges of those of `digests` that no manifest of `user` needs and
   * that are not stored any more, or are charged to another account whose
   * manifest needs them; returns how many. The others are marked as deleted.
   */
  async released(user: Did, digests: readonly Digest[]): Promise<number> {
    const all = [...new Set(digests)];
    let ended = 0;
    for (let i = 0; i < all.length; i += CHARGE_BATCH) {
      const batch = all.slice(i, i + CHARGE_BATCH);
      const { gone, deleted } = await this.#release(user, batch);
      ended += gone.length;
      for (const blob of [...gone, ...deleted]) {
        // A concurrent manifest may still have seen the charge.
        if (await this.#deps.claims.has(user, blob.digest)) {
          await this.claimed(user, [blob]);
        }
      }
    }
    return ended;
  }

  /**
   * Ends the charges of unreferenced blobs whose bytes were deleted, and of
   * those that other accounts need, `graceMs` milliseconds after their upload:
   * the others are charged then, if their quota has room. Blobs uploaded by
   * `absent` users stay charged to them. Returns how many ended.
   */
  async settle(
    graceMs: number,
    absent: ReadonlySet<Did>,
    signal?: AbortSignal,
  ): Promise<number> {
    const { kv, clock, claims } = this.#deps;
    let ended = 0;
    const rows = kv.list<ChargeRow>({ prefix: holdKeys.charges });
    for await (const { key, value } of rows) {
      signal?.throwIfAborted();
      const user = String(key[2]) as Did;
      const digest = String(key[3]);
      if (!isDigest(digest) || await claims.has(user, digest)) continue;
      if (await claims.isStored(digest)) {
        const isYoung = isWithin(value.since, graceMs, clock.now());
        if (isYoung || absent.has(user)) continue;
        const { size } = value;
        if (!await this.#others.settle(user, { digest, size })) continue;
      }
      ended += await this.released(user, [digest]);
    }
    return ended;
  }

  /** Charges what is not charged yet, from the reservation `id` if there is one. */
  async #charge(
    user: Did,
    blobs: readonly Blob[],
    id: string | undefined,
  ): Promise<void> {
    const { accounts, clock } = this.#deps;
    for (let i = 0; i < blobs.length; i += CHARGE_BATCH) {
      const batch = blobs.slice(i, i + CHARGE_BATCH);
      const isLast = i + CHARGE_BATCH >= blobs.length;
      await accounts.change(user, async (account) => {
        const charge = await accounts.uncharged(user, batch);
        if (id === undefined) {
          return charge.length === 0
            ? { result: undefined }
            : { account, charge, result: undefined };
        }
        const now = clock.now();
        const held = reservationOf(account, id, now);
        const rest = held && !isLast
          ? {
            ...held,
            bytes: held.bytes - sizeOf(batch),
            until: now + ADMIT_MS,
          }
          : undefined;
        return {
          account: withReservation(account, id, rest, now),
          charge,
          result: undefined,
        };
      });
    }
  }

  async #areClaimed(user: Did, blobs: readonly Blob[]): Promise<boolean> {
    for (const { digest } of blobs) {
      if (!await this.#deps.claims.has(user, digest)) return false;
    }
    return true;
  }

  /** Charges a blob that a manifest of `user` needs, unless the limit refuses it. */
  async #take(user: Did, blob: Blob): Promise<boolean> {
    const limit = await this.#deps.limitOf(user);
    try {
      if (limit) await this.admit(user, [blob.digest], limit);
      else await this.claimed(user, [blob]);
      return true;
    } catch (error) {
      if (isAppError(error, "QUOTA_EXCEEDED")) return false;
      throw error;
    }
  }

  async #release(
    user: Did,
    digests: readonly Digest[],
  ): Promise<{ gone: readonly Charge[]; deleted: readonly Charge[] }> {
    const { accounts, claims } = this.#deps;
    return await accounts.change(user, async (account) => {
      const gone: Charge[] = [];
      const deleted: Charge[] = [];
      for (const charge of await accounts.charges(user, digests)) {
        const { digest } = charge;
        if (await claims.has(user, digest)) continue;
        const isDue = !await claims.isStored(digest) ||
          await this.#others.pay(user, digest);
        if (isDue) gone.push(charge);
        else if (!charge.deleted) deleted.push(charge);
      }
      const result = { gone, deleted };
      return gone.length + deleted.length === 0
        ? { result }
        : { account, discharge: gone, retire: deleted, result };
    });
  }
}
