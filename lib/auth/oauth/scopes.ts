/**
 * What the registry asks an account's PDS to allow.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { HOLD_METHODS } from "../../hold_api/hold_methods.ts";

/** Records that the registry writes in the owner's repo. */
export const COLLECTIONS: readonly string[] = Object.values(OWNER_COLLECTIONS);

/** Everything needed, item by item. */
export const GRANULAR_SCOPE: string = [
  "atproto",
  `repo?${COLLECTIONS.map((nsid) => `collection=${nsid}`).join("&")}`,
  "blob:*/*",
  `rpc?${HOLD_METHODS.map((nsid) => `lxm=${nsid}`).join("&")}&aud=*`,
].join(" ");

/** Everything but direct messages, for PDSes that know no granular scopes. */
export const TRANSITION_SCOPE = "atproto transition:generic";
