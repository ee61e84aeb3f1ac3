/**
 * OAuth scopes that the registry requests.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { HOLD_METHODS } from "../../hold_api/hold_methods.ts";

/** Records that the registry writes in the owner's repo. */
export const COLLECTIONS: readonly string[] = Object.values(OWNER_COLLECTIONS);

/** Everything required, as granular scopes. */
export const GRANULAR_SCOPE: string = [
  "atproto",
  `repo?${COLLECTIONS.map((nsid) => `collection=${nsid}`).join("&")}`,
  "blob:*/*",
  `rpc?${HOLD_METHODS.map((nsid) => `lxm=${nsid}`).join("&")}&aud=*`,
].join(" ");

/** Everything except direct messages, for PDSes without granular scopes. */
export const TRANSITION_SCOPE = "atproto transition:generic";
