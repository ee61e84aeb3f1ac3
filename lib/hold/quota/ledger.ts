/**
 * Which blobs count for whom, each once. A blob counts for a person from the
 * commit that makes it readable, or from the check of a manifest that names
 * it, until no manifest of theirs needs it; one that never got a manifest
 * counts until the garbage collection.
 *
 * @module
 */

import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { BlobRow } from "../blobs/blob_row.ts";
import { holdKeys } from "../kv_keys.ts";
import {
  type ChargeRow,
  reservationOf,
  usedBytes,
  withReservation,
} from "./account.ts";
import { type Accounts, CHARGE_BATCH } from "./accounts.ts";
import { type Blob, type Claims, sizeOf } from "./claims.ts";
import { type Limit, overQuota } from "./quota_errors.ts";

export interface QuotaLedgerDeps {
  kv: Kv;
  clock: Clock;
  claims: Claims;
  accounts: Accounts;
}

/** How long a manifest that is being admitted keeps its room, in milliseconds. */
const ADMIT_MS = 60_000;

/** Charges blobs to people. */
export class QuotaLedger {
  readonly #deps: QuotaLedgerDeps;

  constructor(deps: QuotaLedgerDeps) {
    this.#deps = deps;
  }

  /**
   * Charges those of `digests` that this hold has and that do not count for
   * `user` yet. Throws AppError `QUOTA_EXCEEDED` when they do not all fit
   * `limit`, or when more than that is stored already and the manifest would
   * put another blob to use.
   */
  async admit(
    user: Did,
    digests: readonly Digest[],
    limit: Limit,
  ): Promise<void> {
    const { accounts, claims, clock } = this.#deps;
    const blobs = await claims.sized(digests);
    // What was stored before there were accounts is counted by this.
    const used = usedBytes(await accounts.account(user), clock.now());
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
      const used = usedBytes(account, now);
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

  /** Takes note that manifests of `user` need `blobs`. No quota refuses what is in use. */
  async claimed(user: Did, blobs: readonly Blob[]): Promise<void> {
    await this.#charge(user, blobs, undefined);
  }

  /** As {@linkcode claimed}, for blobs whose size only their row tells. */
  async claimedDigests(user: Did, digests: readonly Digest[]): Promise<void> {
    const { accounts, claims } = this.#deps;
    // As a rule all count since their upload.
    const known = new Set(
      (await accounts.charges(user, digests)).map(({ digest }) => digest),
    );
    const fresh = digests.filter((digest) => !known.has(digest));
    if (fresh.length === 0) return;
    await this.claimed(user, await claims.sized(fresh));
  }

  /** Ends the charges of those of `digests` that no manifest of `user` needs; returns how many. */
  async released(user: Did, digests: readonly Digest[]): Promise<number> {
    const all = [...new Set(digests)];
    let ended = 0;
    for (let i = 0; i < all.length; i += CHARGE_BATCH) {
      const gone = await this.#release(user, all.slice(i, i + CHARGE_BATCH));
      ended += gone.length;
      for (const blob of gone) {
        // A manifest that came meanwhile may have seen the charge still.
        if (await this.#deps.claims.has(user, blob.digest)) {
          await this.claimed(user, [blob]);
        }
      }
    }
    return ended;
  }

  /**
   * Ends the charges of blobs without a manifest that the garbage collection
   * has taken, and of those that others keep alive, `graceMs` milliseconds
   * after they came. What `absent` people uploaded is not collected, so it goes
   * on to count for them. Returns how many.
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
      const blob = await kv.get<BlobRow>(holdKeys.blob(digest));
      const isYoung = isWithin(value.since, graceMs, clock.now());
      if (blob?.value.state === "live" && isYoung) continue;
      if (blob && absent.has(user)) continue;
      ended += await this.released(user, [digest]);
    }
    return ended;
  }

  /** Charges what does not count yet, out of the reservation `id` where there is one. */
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

  async #release(user: Did, digests: readonly Digest[]): Promise<Blob[]> {
    const { accounts, claims } = this.#deps;
    return await accounts.change(user, async (account) => {
      const discharge: Blob[] = [];
      for (const blob of await accounts.charges(user, digests)) {
        if (!await claims.has(user, blob.digest)) discharge.push(blob);
      }
      return discharge.length === 0
        ? { result: discharge }
        : { account, discharge, result: discharge };
    });
  }
}
