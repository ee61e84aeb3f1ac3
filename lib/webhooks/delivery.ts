/**
 * Stored deliveries: what was sent, when, and the results.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import { deliveriesOf, deliveryKey } from "./kv_keys.ts";
import type { Trigger } from "./webhook.ts";

/** One attempt to deliver. */
export interface Attempt {
  /** When it started, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** Status of the response, if there was one. */
  readonly status?: number;
  /** Beginning of the response's body. */
  readonly response?: string;
  /** Why it failed. */
  readonly error?: string;
}

/** `waiting`: queued or to be retried; `dropped`: not sent, because the webhook was disabled. */
export type DeliveryState = "waiting" | "delivered" | "failed" | "dropped";

/** A stored delivery. */
export interface DeliveryRow {
  readonly trigger: Trigger;
  /** A request of the owner, not an event. */
  readonly test?: true;
  /** When it was queued, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** The body, the same for every attempt. */
  readonly body: string;
  readonly state: DeliveryState;
  /** Oldest first. */
  readonly attempts: readonly Attempt[];
}

/** A delivery with its id. */
export interface Delivery extends DeliveryRow {
  readonly id: string;
}

/** How long a row is kept: 30 days, in milliseconds. */
export const DELIVERY_KEPT_MS = 30 * 86_400_000;

/** Maximum finished deliveries kept per webhook. */
const KEPT = 25;

/** Maximum rows of one webhook, including waiting ones. */
export const MAX_ROWS = 100;

const ID = /^[0-9a-z]{9}-[0-9a-f]{12}$/;
const LATEST = 2 ** 43;

/** The id of a delivery of the event `event` (a UUID): later ones have smaller ids. */
export function deliveryId(at: number, event: string): string {
  const order = (LATEST - at).toString(36).padStart(9, "0");
  return `${order}-${event.replaceAll("-", "").slice(0, 12)}`;
}

/** Whether `text` can be the id of a delivery. */
export function isDeliveryId(text: string): boolean {
  return ID.test(text);
}

/** The deliveries to one webhook, newest first, at most `limit` after the id `after`. */
export async function listDeliveries(
  kv: Kv,
  { did, webhook }: { readonly did: Did; readonly webhook: string },
  { after, limit }: { readonly after?: string | undefined; limit: number },
): Promise<Entry<DeliveryRow>[]> {
  const prefix = deliveriesOf(did, webhook);
  const selector = after === undefined
    ? { prefix }
    : { prefix, start: [...prefix, `${after}\0`] };
  return await Array.fromAsync(kv.list<DeliveryRow>(selector, { limit }));
}

/**
 * Makes room for another delivery by removing the oldest finished one; returns
 * false when too many are waiting.
 */
export async function makeRoom(
  kv: Kv,
  of: { readonly did: Did; readonly webhook: string },
): Promise<boolean> {
  const rows = await listDeliveries(kv, of, { limit: MAX_ROWS });
  const old = rows.slice(KEPT - 1).filter(({ value }) =>
    value.state !== "waiting"
  );
  if (old.length > 0) {
    const change = kv.atomic();
    for (const { key } of old) change.delete(key);
    await change.commit();
  }
  return rows.length - old.length < MAX_ROWS;
}

/** The stored delivery. */
export function readDelivery(
  kv: Kv,
  { did, webhook, id }: {
    readonly did: Did;
    readonly webhook: string;
    readonly id: string;
  },
): Promise<Entry<DeliveryRow> | undefined> {
  return kv.get<DeliveryRow>(deliveryKey(did, webhook, id));
}
