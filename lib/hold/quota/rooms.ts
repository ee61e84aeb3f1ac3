/**
 * Room for uploads within the quota: reserved before bytes are kept, so that
 * uploads side by side, on any instance, cannot pass together.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import type { BlobCounter } from "../blobs/blob_counter.ts";
import {
  type AccountRow,
  type Reservation,
  reservationOf,
  reservedBy,
  usedBytes,
  withReservation,
} from "./account.ts";
import type { Accounts } from "./accounts.ts";
import { type Limit, overQuota, tooManyUploads } from "./quota_errors.ts";

/** Which upload needs room. */
export interface RoomRequest {
  readonly uploadId: string;
  readonly caller: Did;
  /** Where it is known before the bytes: what counts already takes no more room. */
  readonly digest?: Digest;
  /** Whether other requests may bring other parts of the same upload. */
  readonly isPart?: boolean;
}

export interface QuotaRoomsDeps {
  accounts: Accounts;
  clock: Clock;
  /** The limit of a person; undefined when there is none. */
  limitOf: (user: Did) => Promise<Limit | undefined>;
}

/** A running request renews its reservation; one of a killed instance ends after so long, in milliseconds. */
const RUN_MS = 60_000;

/** Uploads of one person that hold a reservation at the same time; more do not fit a row. */
const MAX_RESERVATIONS = 300;

/** Most bytes reserved ahead of what has come, and the least that is worth it. */
const MAX_AHEAD_BYTES = 8 * 1024 * 1024;
const MIN_AHEAD_BYTES = 64 * 1024;

/** Share of what is left that one upload may reserve ahead. */
const AHEAD_SHARE = 16;

/** Decides how much an account may store. Its methods throw AppError `QUOTA_EXCEEDED`. */
export class QuotaRooms {
  readonly #deps: QuotaRoomsDeps;

  constructor(deps: QuotaRoomsDeps) {
    this.#deps = deps;
  }

  /** Throws when `caller` may not store another byte. */
  async check(caller: Did): Promise<void> {
    const { accounts, clock } = this.#deps;
    const limit = await this.#deps.limitOf(caller);
    if (!limit) return;
    const used = usedBytes(await accounts.account(caller), clock.now());
    if (used >= limit.quota) {
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
    await accounts.change(caller, (account) => {
      const now = clock.now();
      const used = usedBytes(account, now);
      if (used + size > limit.quota) {
        throw overQuota(caller, { used, added: size, limit });
      }
      const reservation = { bytes: 0, declared: size, until };
      return {
        account: place(caller, account, uploadId, reservation, now),
        result: undefined,
      };
    });
  }

  /** The room of one request that brings bytes. */
  async open(request: RoomRequest): Promise<UploadRoom> {
    const { accounts, limitOf } = this.#deps;
    const { caller, digest } = request;
    const limit = await limitOf(caller);
    if (!limit) return new UploadRoom(accounts, request);
    const account = await accounts.account(caller);
    const [charge] = digest ? await accounts.charges(caller, [digest]) : [];
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

/**
 * Room for the bytes of one request. Only one at a time, except for parts. Its
 * `commit` ends the reservation. This one has no limit: only what is stored in
 * the end is counted.
 */
export class UploadRoom implements BlobCounter {
  protected readonly accounts: Accounts;
  protected readonly request: RoomRequest;

  constructor(accounts: Accounts, request: RoomRequest) {
    this.accounts = accounts;
    this.request = request;
  }

  readonly isLimited: boolean = false;

  /**
   * Makes sure that there is room for `bytes` bytes: of the blob, or of the
   * part. Returns undefined where that is known already.
   */
  need(_bytes: number): Promise<void> | undefined {
    return undefined;
  }

  /** Keeps the reservation of a request that is still running. */
  renew(): Promise<void> {
    return Promise.resolve();
  }

  /** Reduces the reservation to `bytes` acknowledged bytes, until `until` (milliseconds since the Unix epoch). */
  keep(_bytes: number, _until: number): Promise<void> {
    return Promise.resolve();
  }

  /** Ends what this request has reserved. */
  end(): Promise<void> {
    return Promise.resolve();
  }

  async commit(
    change: Atomic,
    blob: { digest: Digest; size: number },
  ): Promise<boolean> {
    const { caller, uploadId } = this.request;
    return await this.accounts.commitStored(change, caller, blob, uploadId);
  }
}

/** Room within a limit. */
class LimitedRoom extends UploadRoom {
  readonly #deps: QuotaRoomsDeps;
  readonly #limit: Limit;
  /** Bytes of the reservation that are this request's to fill. */
  #taken: number;
  /** Bytes that take no more room: those of the blob, where it counts already. */
  readonly #counted: number;

  constructor(
    deps: QuotaRoomsDeps,
    request: RoomRequest,
    limit: Limit,
    { account, counted }: { account: AccountRow; counted: number },
  ) {
    super(deps.accounts, request);
    this.#counted = counted;
    this.#deps = deps;
    this.#limit = limit;
    const now = deps.clock.now();
    const held = reservationOf(account, request.uploadId, now);
    this.#taken = request.isPart ? 0 : held?.bytes ?? 0;
  }

  override readonly isLimited: boolean = true;

  override need(bytes: number): Promise<void> | undefined {
    const isThere = bytes <= Math.max(this.#taken, this.#counted);
    return isThere ? undefined : this.#grow(bytes);
  }

  override async renew(): Promise<void> {
    const { clock } = this.#deps;
    const { caller, uploadId } = this.request;
    await this.accounts.change(caller, (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      // One that has acknowledged bytes lives as long as its upload.
      if (!held || held.until - now > RUN_MS / 2) return { result: undefined };
      const next = { ...held, until: now + RUN_MS };
      return {
        account: withReservation(account, uploadId, next, now),
        result: undefined,
      };
    });
  }

  override async keep(bytes: number, until: number): Promise<void> {
    await this.#settle(bytes, until);
  }

  override async end(): Promise<void> {
    await this.#settle(0, undefined);
  }

  /** Reserves what is missing to `bytes`, and a bit ahead while there is plenty. */
  async #grow(bytes: number): Promise<void> {
    const { clock } = this.#deps;
    const { caller, uploadId } = this.request;
    this.#taken = await this.accounts.change(caller, (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      const others = usedBytes(account, now) - reservedBy(held);
      // Of a part, what other parts have reserved stays beside it.
      const beside = this.request.isPart
        ? Math.max(0, (held?.bytes ?? 0) - this.#taken)
        : 0;
      const declared = held?.declared ?? 0;
      const left = this.#limit.quota - others -
        Math.max(beside + bytes, declared);
      if (left < 0) {
        const used = others + beside;
        const limit = this.#limit;
        throw overQuota(caller, { used, added: bytes, limit });
      }
      const ahead = Math.min(MAX_AHEAD_BYTES, Math.floor(left / AHEAD_SHARE));
      const taken = bytes + (ahead < MIN_AHEAD_BYTES ? 0 : ahead);
      const next = {
        bytes: beside + taken,
        declared,
        until: Math.max(held?.until ?? 0, now + RUN_MS),
      };
      return {
        account: place(caller, account, uploadId, next, now),
        result: taken,
      };
    });
  }

  /** Ends what the request reserved but `bytes`; `until` undefined: as it was. */
  async #settle(bytes: number, until: number | undefined): Promise<void> {
    const { clock } = this.#deps;
    const { caller, uploadId, isPart } = this.request;
    await this.accounts.change(caller, (account) => {
      const now = clock.now();
      const held = reservationOf(account, uploadId, now);
      if (!held && bytes === 0) return { result: undefined };
      const beside = isPart ? Math.max(0, (held?.bytes ?? 0) - this.#taken) : 0;
      const next = {
        bytes: beside + bytes,
        declared: held?.declared ?? 0,
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

function place(
  user: Did,
  account: AccountRow,
  ...[id, reservation, now]: [string, Omit<Reservation, "at">, number]
): AccountRow {
  const next = withReservation(account, id, reservation, now);
  if (Object.keys(next.reservations).length <= MAX_RESERVATIONS) return next;
  throw tooManyUploads(user);
}
