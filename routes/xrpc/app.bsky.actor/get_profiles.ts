/**
 * `app.bsky.actor.getProfiles`.
 *
 * @module
 */

import { isAccount } from "../account.ts";
import { method } from "../mount.ts";
import { type ProfileDeps, profileView } from "./profile_view.ts";

/** Returns the profile of this account, if it is among those requested. */
export function getProfiles(deps: ProfileDeps) {
  return method("app.bsky.actor.getProfiles", {
    async handle({ params: { actors } }) {
      const isOurs = actors.some((actor) => isAccount(deps.account, actor));
      return { profiles: isOurs ? [await profileView(deps)] : [] };
    },
  });
}
