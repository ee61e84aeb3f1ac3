/**
 * Compares granted with requested scopes: a PDS may drop scopes silently.
 *
 * @module
 */

import { ScopePermissionsTransition } from "@atproto/oauth-scopes";
import { HOLD_METHODS } from "../../hold_api/hold_methods.ts";
import { COLLECTIONS } from "./scopes.ts";

const ACTIONS = ["create", "update", "delete"] as const;

/** Returns the permissions missing in `granted`, the scope of a token, as phrases for the user. */
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
