/**
 * KV keys of webhooks. These rows cannot be rebuilt from a PDS: rebuilds do not
 * change them, and backups include them.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Key } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";

/** A webhook. */
export const webhookKey = (did: Did, id: string): Key => [
  "observed",
  "webhook",
  did,
  id,
];

/** All webhooks of `did`. */
export const webhooksOf = (did: Did): Key => ["observed", "webhook", did];

/**
 * When the last webhook of `did` was created; each creation checks it, so that
 * the count is exact.
 */
export const webhookTurnKey = (did: Did): Key => [
  "observed",
  "webhook_turn",
  did,
];

/** One delivery to a webhook; ids of later ones are smaller. */
export const deliveryKey = (did: Did, webhook: string, id: string): Key => [
  "observed",
  "webhook_delivery",
  did,
  webhook,
  id,
];

/** All deliveries to a webhook, newest first. */
export const deliveriesOf = (did: Did, webhook: string): Key => [
  "observed",
  "webhook_delivery",
  did,
  webhook,
];

/** What the last report of a scanner about an image of `did` said. */
export const scanKey = (did: Did, digest: Digest): Key => [
  "observed",
  "webhook_scan",
  did,
  digest,
];
