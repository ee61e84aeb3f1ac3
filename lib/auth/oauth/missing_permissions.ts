/**
 * Compares what was granted with what was asked for: a PDS drops scopes that it
 * does not like without a word.
 *
 * @module
 */

import { ScopePermissionsTransition } from "@atproto/oauth-scopes";
import { HOLD_METHODS } from "../../hold_api/hold_methods.ts";
import { COLLECTIONS } from "./scopes.ts";

const ACTIONS = ["create", "update", "delete"] as const;

/** What `granted`, the scope of a token, lacks; in words for the person who has to grant it. */
export function missingPermissions(granted: string): string[] {
  const permissions = new ScopePermissionsTransition(granted);
  const missing: string[] = [];
  for (const collection of COLLECTIONS) {
    const writes = ACTIONS.every((action) =>
      permissions.allowsRepo({ collection, action })
    );
    if (!writes) missing.push(`write records ${collection}`);
  }
  if (!permissions.allowsBlob({ mime: "application/octet-stream" })) {
    missing.push("upload blobs");
  }
  for (const lxm of HOLD_METHODS) {
    if (!permissions.allowsRpc({ lxm, aud: "*" })) {
      missing.push(`call ${lxm} at holds`);
    }
  }
  return missing;
}
