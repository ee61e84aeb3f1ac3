/**
 * The quota account of one user: stored bytes, and bytes reserved by uploads in
 * progress.
 *
 * @module
 */

import { isAhead } from "../../clock.ts";
import type { Digest } from "../../oci/digest.ts";

/** A reservation of an upload, or of a manifest being admitted. */
export interface Reservation {
  /** Bytes received, or that may be received without another update of the account. */
  readonly bytes: number;
  /** Bytes that the client announced for the whole blob; 0 when it did not. */
  readonly declared: number;
  /**
   * Whether it exceeds the quota, because it may be the repair of a damaged
   * blob that is charged already.
   */
  readonly beyond?: boolean;
  /** When it expires, in milliseconds since the Unix epoch. */
  readonly until: number;
  /** When it was last changed, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** One quota account. Every change of it and of its charges is one commit that checks this row. */
export interface AccountRow {
  /** False while blobs stored before accounts existed are being counted. */
  readonly counted: boolean;
  /** Stored blobs that the account did not delete, each once. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Bytes that the account deleted and that are still stored; 0 when absent. */
  readonly deleted?: number;
  /** By the id of the upload. */
  readonly reservations: Readonly<Record<string, Reservation>>;
}

/** One blob charged to an account. */
export interface ChargeRow {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
  /** Whether the account deleted it; its bytes await garbage collection. */
  readonly deleted?: boolean;
}

/** A charge with the digest of its blob. */
export interface Charge extends ChargeRow {
  readonly digest: Digest;
}

/** An empty account. */
export const EMPTY_ACCOUNT: AccountRow = {
  counted: true,
  blobs: 0,
  bytes: 0,
  reservations: {},
};

/** Whether a reservation is active. One made by a fast clock expires when the clock is set back. */
function isLive({ until, at }: Reservation, now: number): boolean {
  return until > now && !isAhead(at, now);
}

/** The reservation `id`, unless it has expired. */
export function reservationOf(
  account: AccountRow,
  id: string,
  now: number,
): Reservation | undefined {
  const found = account.reservations[id];
  return found && isLive(found, now) ? found : undefined;
}

/** Bytes that a reservation blocks for others. */
function reservedBy(reservation: Reservation | undefined): number {
  if (!reservation) return 0;
  return Math.max(reservation.bytes, reservation.declared);
}

function storedBytes(
  { bytes, deleted = 0 }: AccountRow,
  quota: number,
): number {
  return bytes + Math.max(0, deleted - quota);
}

/** Bytes of all active reservations. */
function reservedBytes(account: AccountRow, now: number): number {
  let sum = 0;
  for (const reservation of Object.values(account.reservations)) {
    if (isLive(reservation, now)) sum += reservedBy(reservation);
  }
  return sum;
}

/**
 * Bytes stored and reserved. Deleted bytes that are still stored count as far
 * as they exceed `quota`, so that deleting makes room at once, and pushing and
 * deleting in turns stores at most twice the quota.
 */
export function usedBytes(
  account: AccountRow,
  now: number,
  quota: number,
): number {
  return storedBytes(account, quota) + reservedBytes(account, now);
}

/** Bytes stored, those that the account deleted included, and bytes reserved. */
export function occupiedBytes(account: AccountRow, now: number): number {
  const { bytes, deleted = 0 } = account;
  return bytes + deleted + reservedBytes(account, now);
}

/** Like {@linkcode usedBytes}, with only the reservations within the quota. */
export function firmBytes(
  account: AccountRow,
  now: number,
  quota: number,
): number {
  let sum = storedBytes(account, quota);
  for (const reservation of Object.values(account.reservations)) {
    if (isLive(reservation, now) && !reservation.beyond) {
      sum += reservedBy(reservation);
    }
  }
  return sum;
}

/**
 * Returns `account` with the reservation `id` replaced (undefined: removed),
 * and without expired ones.
 */
export function withReservation(
  account: AccountRow,
  id: string,
  reservation: Omit<Reservation, "at"> | undefined,
  now: number,
): AccountRow {
  const reservations: Record<string, Reservation> = {};
  for (const [key, value] of Object.entries(account.reservations)) {
    if (isLive(value, now) && key !== id) reservations[key] = value;
  }
  if (reservation) reservations[id] = { ...reservation, at: now };
  return { ...account, reservations };
}

/** Returns `account` with `blobs` charged; those among them that it had deleted are so no more. */
export function withCharges(
  account: AccountRow,
  blobs: readonly { size: number; deleted?: boolean }[],
): AccountRow {
  return {
    ...account,
    blobs: account.blobs + blobs.length,
    bytes: account.bytes + sum(blobs),
    deleted: (account.deleted ?? 0) - sum(blobs.filter(isDeleted)),
  };
}

/** Returns `account` without the charges of `blobs`. */
export function withoutCharges(
  account: AccountRow,
  blobs: readonly { size: number; deleted?: boolean }[],
): AccountRow {
  const kept = blobs.filter((blob) => !isDeleted(blob));
  return {
    ...account,
    blobs: account.blobs - kept.length,
    bytes: account.bytes - sum(kept),
    deleted: (account.deleted ?? 0) - sum(blobs.filter(isDeleted)),
  };
}

/** Returns `account` with `blobs`, which are charged, counted as deleted. */
export function withDeleted(
  account: AccountRow,
  blobs: readonly { size: number }[],
): AccountRow {
  return {
    ...account,
    blobs: account.blobs - blobs.length,
    bytes: account.bytes - sum(blobs),
    deleted: (account.deleted ?? 0) + sum(blobs),
  };
}

function isDeleted({ deleted = false }: { deleted?: boolean }): boolean {
  return deleted;
}

function sum(blobs: readonly { size: number }[]): number {
  return blobs.reduce((bytes, { size }) => bytes + size, 0);
}
