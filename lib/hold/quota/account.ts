/**
 * The account of one person at the hold: what is stored for them, and what
 * uploads under way have reserved.
 *
 * @module
 */

import { isAhead } from "../../clock.ts";

/** Room that an upload, or a manifest that is being checked, has taken. */
export interface Reservation {
  /** Bytes that came in or may come in without another look at the account. */
  readonly bytes: number;
  /** Bytes that the client announced for the whole blob; 0 when it did not. */
  readonly declared: number;
  /** Whether it goes beyond the quota, for what may turn out to be a damaged blob that counts already. */
  readonly beyond?: boolean;
  /** When it ends by itself, in milliseconds since the Unix epoch. */
  readonly until: number;
  /** When it was last changed, in milliseconds since the Unix epoch. */
  readonly at: number;
}

/** One account. Every change of it and of its charges is one commit that checks this row. */
export interface AccountRow {
  /** False while blobs that were stored before there were accounts are being counted. */
  readonly counted: boolean;
  /** Stored blobs, each once. */
  readonly blobs: number;
  /** Their bytes. */
  readonly bytes: number;
  /** By the id of the upload. */
  readonly reservations: Readonly<Record<string, Reservation>>;
}

/** One blob that counts for a person. */
export interface ChargeRow {
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

/** The account of a person for whom nothing is stored. */
export const EMPTY_ACCOUNT: AccountRow = {
  counted: true,
  blobs: 0,
  bytes: 0,
  reservations: {},
};

/** Whether a reservation has not ended. One of a clock that ran ahead has, when the clock is set back. */
function isLive({ until, at }: Reservation, now: number): boolean {
  return until > now && !isAhead(at, now);
}

/** The reservation `id`, unless it has ended. */
export function reservationOf(
  account: AccountRow,
  id: string,
  now: number,
): Reservation | undefined {
  const found = account.reservations[id];
  return found && isLive(found, now) ? found : undefined;
}

/** Bytes that a reservation keeps from others. */
function reservedBy(reservation: Reservation | undefined): number {
  if (!reservation) return 0;
  return Math.max(reservation.bytes, reservation.declared);
}

/** Bytes of all reservations that have not ended. */
function reservedBytes(account: AccountRow, now: number): number {
  let sum = 0;
  for (const reservation of Object.values(account.reservations)) {
    if (isLive(reservation, now)) sum += reservedBy(reservation);
  }
  return sum;
}

/** Bytes stored and reserved. */
export function usedBytes(account: AccountRow, now: number): number {
  return account.bytes + reservedBytes(account, now);
}

/** Bytes stored, and reserved within the quota. */
export function firmBytes(account: AccountRow, now: number): number {
  let sum = account.bytes;
  for (const reservation of Object.values(account.reservations)) {
    if (isLive(reservation, now) && !reservation.beyond) {
      sum += reservedBy(reservation);
    }
  }
  return sum;
}

/** `account` with another reservation `id` (undefined: with none), and without those that have ended. */
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
