/**
 * Where the hold keeps what in KV.
 *
 * @module
 */

import type { Digest } from "../oci/digest.ts";
import type { Key } from "../kv/kv.ts";

/** Key tuples of the hold; the first part is always `hold`. */
export const holdKeys = {
  /** One upload in progress. */
  upload: (id: string): Key => ["hold", "upload", id],
  /** All uploads. */
  uploads: ["hold", "upload"] as Key,
  /** The digest that a ticket lets one read. */
  readTicket: (ticket: string): Key => ["hold", "read_ticket", ticket],
  /** What is known of one blob in the store. */
  blob: (digest: Digest): Key => ["hold", "blob", digest],
  /** All blobs. */
  blobs: ["hold", "blob"] as Key,
} as const;
