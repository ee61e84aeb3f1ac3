/**
 * Who may do what to which repository, and why not. The only place that
 * decides it.
 *
 * @module
 */

import type { Did, Identity } from "../atproto/identity.ts";
import type { Action } from "./registry_tokens.ts";

/** An answer with its reason, in words for the person who asked. */
export type Ruling = { allowed: true } | { allowed: false; reason: string };

/**
 * Rules on `action` of `caller` (undefined: without login) in the repositories
 * of `owner`. Reading is open here, as the records in the owner's repo are;
 * the hold of a manifest decides about it and its blobs.
 */
export function rule(
  caller: Did | undefined,
  action: Action,
  owner: Identity,
): Ruling {
  if (action === "pull" || caller === owner.did) return { allowed: true };
  const name = owner.handle ?? owner.did;
  const what = action === "push" ? "push to" : "delete from";
  return {
    allowed: false,
    reason: caller === undefined
      ? `Log in as ${name} to ${what} the repositories of ${name}.`
      : `Only ${name} may ${what} the repositories of ${name}. Use your own handle in the image name.`,
  };
}
