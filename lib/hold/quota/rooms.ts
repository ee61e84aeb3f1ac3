/**
 * Quota reservations for uploads, made before bytes are stored, so that
 * concurrent uploads on any instances cannot exceed the quota together.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobCounter } from "../blobs/blob_counter.ts";
import { usedBytes, withReservation } from "./account.ts";
import type { Accounts } from "./accounts.ts";
import { LimitedRoom, place } from "./limited_room.ts";
import { type Limit, overQuota } from "./quota_errors.ts";

export interface QuotaRoomsDeps {
  accounts: Accounts;
  clock: Clock;
  /** The limit of a user; undefined when there is none. */
  limitOf: (user: Did) => Promise<Limit | undefined>;
}

/** A request for a reservation. */
export interface RoomRequest {
  readonly uploadId: string;
  readonly caller: Did;
  /** If known in advance: a blob charged already needs no more room. */
  readonly digest?: Digest;
  /** Whether other requests may send other parts of the same upload. */
  readonly isPart?: boolean;
}

/**
 * Reservation for the bytes of one request. Only one at a time, except for
 * parts. Its `commit` ends the reservation.
 */
export interface UploadRoom extends BlobCounter {
  readonly isLimited: boolean;
  /**
   * Ensures room for `bytes` bytes of the blob or part. Returns undefined
   * synchronously when they are reserved already.
   */
  need(bytes: number): Promise<void> | undefined;
  /** Renews the reservation of a running request. */
  renew(): Promise<void>;
  /** Reduces the reservation to `bytes` acknowledged bytes, until `until` (milliseconds since the Unix epoch). */
  keep(bytes: number, until: number): Promise<void>;
  /** Ends this request's reservation. */
  end(): Promise<void>;
}

/** Reserves room for uploads. Its methods throw AppError `QUOTA_EXCEEDED`. */
export class QuotaRooms {
  readonly #deps: QuotaRoomsDeps;

  constructor(deps: QuotaRoomsDeps) {
    this.#deps = deps;
  }

  /** Throws when `caller` may not store another byte, not even to repair a damaged blob. */
  async check(caller: Did): Promise<void> {
    const { accounts, clock } = this.#deps;
    const limit = await this.#deps.limitOf(caller);
    if (!limit) return;
    const used = usedBytes(
      await accounts.account(caller),
      clock.now(),
      limit.quota,
    );
    if (used < limit.quota) return;
    if (used >= limit.quota + await accounts.repairableBytes(caller)) {
      throw overQuota(caller, { used, added: undefined, limit });
    }
  }

  /** Reserves the whole size of a blob, in bytes, until `until` (milliseconds since the Unix epoch). */
  async declare(
    caller: Did,
    uploadId: string,
    size: number,
    until: number,
  ): Promise<void> {
    const limit = await this.#deps.limitOf(caller);
    if (!limit) return;
    const { accounts, clock } = this.#deps;
    await accounts.change(caller, async (account) => {
      const now = clock.now();
      const used = usedBytes(account, now, limit.quota);
      const excess = used + size - limit.quota;
      if (excess > 0 && excess > await accounts.repairableBytes(caller)) {
        throw overQuota(caller, { used, added: size, limit });
      }
      const beyond = excess > 0;
      const reservation = { bytes: 0, declared: size, until, beyond };
      return {
        account: place(caller, account, uploadId, reservation, now),
        result: undefined,
      };
    });
  }

  /** The reservation of one request with bytes. */
  async open(request: RoomRequest): Promise<UploadRoom> {
    const { accounts, limitOf } = this.#deps;
    const { caller, digest } = request;
    const limit = await limitOf(caller);
    if (!limit) return new OpenRoom(accounts, request);
    const account = await accounts.account(caller);
    const [charge] = digest ? await accounts.counting(caller, [digest]) : [];
    return new LimitedRoom(this.#deps, request, limit, {
      account,
      counted: charge?.size ?? 0,
    });
  }

  /** Ends the reservation of an upload. */
  async release(caller: Did, uploadId: string): Promise<void> {
    const { accounts, clock } = this.#deps;
    await accounts.change(caller, (account) => (
      account.reservations[uploadId]
        ? {
          account: withReservation(account, uploadId, undefined, clock.now()),
          result: undefined,
        }
        : { result: undefined }
    ));
  }
}

/** Room without a limit: only bytes stored in the end are counted. */
class OpenRoom implements UploadRoom {
  readonly isLimited = false;
  readonly #accounts: Accounts;
  readonly #request: RoomRequest;

  constructor(accounts: Accounts, request: RoomRequest) {
    this.#accounts = accounts;
    this.#request = request;
  }

  need(): undefined {}

  async renew(): Promise<void> {}

  async keep(): Promise<void> {}

  async end(): Promise<void> {}

  async commit(
    change: (to: Atomic) => void,
    blob: { digest: Digest; size: number },
  ): Promise<boolean> {
    const { caller, uploadId } = this.#request;
    const stored = { blob, uploadId, publish: change };
    return await this.#accounts.commitStored(caller, stored);
  }
}
