/**
 * Reservation for the bytes of one request of a user who has a quota.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  type AccountRow,
  firmBytes,
  type Reservation,
  reservationOf,
  usedBytes,
  withReservation,
} from "./account.ts";
import type { Accounts } from "./accounts.ts";
import { type Limit, overQuota, tooManyUploads } from "./quota_errors.ts";
import type { RoomRequest, UploadRoom } from "./rooms.ts";

export interface RoomDeps {
  readonly accounts: Accounts;
  readonly clock: Clock;
}

/** Lifetime of a reservation, which a running request renews, in milliseconds. */
const RUN_MS = 60_000;

/** Maximum concurrent reservations of one user; more do not fit into a row. */
const MAX_RESERVATIONS = 300;

/** Maximum bytes reserved ahead of those received, and the minimum worth reserving. */
const MAX_AHEAD_BYTES = 8 * 1024 * 1024;
const MIN_AHEAD_BYTES = 64 * 1024;

/** Share of the remaining quota that one upload may reserve ahead. */
const AHEAD_SHARE = 16;

/** A reservation within a limit, which is renewed while the request runs. */
export class LimitedRoom implements UploadRoom {
  readonly isLimited = true;
  readonly #deps: RoomDeps;
  readonly #request: RoomRequest;
  readonly #limit: Limit;
  /** Bytes of the reservation that belong to this request. */
  #taken: number;
  /** Bytes that need no more room: those of the blob, if it is charged already. */
  readonly #counted: number;

  constructor(
    deps: RoomDeps,
    request: RoomRequest,
    limit: Limit,
    { account, counted }: { account: AccountRow; counted: number },
  ) {
    this.#deps = deps;
    this.#request = request;
    this.#counted = counted;
    this.#limit = limit;
    const now = deps.clock.now();
    const held = reservationOf(account, request.uploadId, now);
    // Without the digest it is unknown whether the blob may exceed the quota.
    const isDoubtful = held?.beyond === true && request.digest !== undefined;
    this.#taken = request.isPart || isDoubtful ? 0 : held?.bytes ?? 0;
  }

  need(bytes: number): Promise<void> | undefined {
    const isThere = bytes <= Math.max(this.#taken, this.#counted);
    return isThere ? undefined : this.#grow(bytes);
  }

  async renew(): Promise<void> {
    const { accounts, clock } = this.#deps;
    const { caller, uploadId } = this.#request;
    await accounts.change(caller, (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      // A reservation with acknowledged bytes lives as long as its upload.
      if (!held || held.until - now > RUN_MS / 2) return { result: undefined };
      const next = { ...held, until: now + RUN_MS };
      return {
        account: withReservation(account, uploadId, next, now),
        result: undefined,
      };
    });
  }

  async keep(bytes: number, until: number): Promise<void> {
    await this.#settle(bytes, until);
  }

  async end(): Promise<void> {
    await this.#settle(0, undefined);
  }

  async commit(
    change: (to: Atomic) => void,
    blob: { digest: Digest; size: number },
  ): Promise<boolean> {
    const { caller, uploadId } = this.#request;
    const stored = { blob, uploadId, publish: change };
    return await this.#deps.accounts.commitStored(caller, stored);
  }

  /**
   * Extends the reservation to `bytes`, and ahead of that while there is
   * plenty. While the digest is unknown, the blob may be a damaged one that is
   * charged already, so the size of those may exceed the quota.
   */
  async #grow(bytes: number): Promise<void> {
    const { accounts, clock } = this.#deps;
    const { caller, uploadId, digest } = this.#request;
    const { quota } = this.#limit;
    this.#taken = await accounts.change(caller, async (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      const without = withReservation(account, uploadId, undefined, now);
      const others = digest === undefined
        ? usedBytes(without, now, quota)
        : firmBytes(without, now, quota);
      // For a part, keep the reservations of other parts.
      const beside = this.#request.isPart
        ? Math.max(0, (held?.bytes ?? 0) - this.#taken)
        : 0;
      const declared = held?.declared ?? 0;
      const left = quota - others -
        Math.max(beside + bytes, declared);
      const beyond = left < 0;
      const spare = beyond && digest === undefined
        ? await accounts.repairableBytes(caller)
        : 0;
      if (left + spare < 0) {
        const used = others + beside;
        const limit = this.#limit;
        throw overQuota(caller, { used, added: bytes, limit });
      }
      const ahead = Math.min(MAX_AHEAD_BYTES, Math.floor(left / AHEAD_SHARE));
      const taken = bytes + (ahead < MIN_AHEAD_BYTES ? 0 : ahead);
      const next = {
        bytes: beside + taken,
        declared,
        beyond,
        until: Math.max(held?.until ?? 0, now + RUN_MS),
      };
      return {
        account: place(caller, account, uploadId, next, now),
        result: taken,
      };
    });
  }

  /** Reduces the request's reservation to `bytes`; keeps the expiry if `until` is undefined. */
  async #settle(bytes: number, until: number | undefined): Promise<void> {
    const { accounts, clock } = this.#deps;
    const { caller, uploadId, isPart } = this.#request;
    await accounts.change(caller, (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      if (!held && bytes === 0) return { result: undefined };
      const beside = isPart ? Math.max(0, (held?.bytes ?? 0) - this.#taken) : 0;
      const next = {
        bytes: beside + bytes,
        declared: held?.declared ?? 0,
        beyond: held?.beyond ?? false,
        until: until ?? held?.until ?? now,
      };
      const isOver = !isPart && bytes === 0 && next.declared === 0;
      return {
        account: withReservation(
          account,
          uploadId,
          isOver ? undefined : next,
          now,
        ),
        result: undefined,
      };
    });
    this.#taken = bytes;
  }
}

/**
 * Returns `account` with the reservation `id`. Throws AppError `UNAVAILABLE`
 * when it has too many.
 */
export function place(
  user: Did,
  account: AccountRow,
  ...[id, reservation, now]: [string, Omit<Reservation, "at">, number]
): AccountRow {
  const next = withReservation(account, id, reservation, now);
  if (Object.keys(next.reservations).length <= MAX_RESERVATIONS) return next;
  throw tooManyUploads(user);
}
