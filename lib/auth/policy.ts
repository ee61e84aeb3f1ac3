/**
 * Access policy: who may do what to which repository. The only place that
 * decides it.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Identity } from "../atproto/identity/identity.ts";
import { ALLOWED, type Decision, deny } from "../hold_api/decision.ts";
import type { Principal } from "./credentials.ts";
import type { Action } from "./registry_tokens.ts";

/**
 * Decides on `action` of `caller` (undefined: without login) in the
 * repositories of `owner`. Reading is allowed here, because the records in the
 * owner's repo are public; the hold of a manifest decides about it and its
 * blobs.
 */
export function rule(
  caller: Did | undefined,
  action: Action,
  owner: Identity,
): Decision {
  if (action === "pull" || caller === owner.did) return ALLOWED;
  const name = owner.handle ?? owner.did;
  const what = action === "push" ? "push to" : "delete from";
  return deny(
    caller === undefined
      ? `Log in as ${name} to ${what} the repositories of ${name}.`
      : `Only ${name} may ${what} the repositories of ${name}. Use your own handle in the image name.`,
  );
}

/**
 * Decides like {@linkcode rule}, and also by the restrictions of the credential
 * of `principal` (undefined: without login).
 */
export function ruleForLogin(
  principal: Principal | undefined,
  action: Action,
  owner: Identity,
  repo: string,
): Decision {
  const decision = rule(principal?.identity.did, action, owner);
  const permitted = principal?.permits?.(action, owner.did, repo) ?? true;
  return decision.allowed && !permitted
    ? deny(notMeantFor(action, owner, repo))
    : decision;
}

/** The reason for refusing a login of the right account. */
export function notMeantFor(
  action: Action,
  owner: Identity,
  repo: string,
): string {
  const what = { pull: "pull from", push: "push to", delete: "delete from" };
  const name = `${owner.handle ?? owner.did}/${repo}`;
  return `Your device or access token is not meant to ${
    what[action]
  } ${name}. Log in with one that is, or make one in the settings.`;
}
