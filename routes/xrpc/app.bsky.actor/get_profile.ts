/**
 * `app.bsky.actor.getProfile`.
 *
 * @module
 */

import { isAccount } from "../account.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";
import { type ProfileDeps, profileView } from "./profile_view.ts";

/** Returns the profile of this account. */
export function getProfile(deps: ProfileDeps) {
  return method("app.bsky.actor.getProfile", {
    handle({ params: { actor } }) {
      if (!isAccount(deps.account, actor)) {
        refuse(`The account ${actor} is not hosted here.`);
      }
      return profileView(deps);
    },
  });
}
