/**
 * `com.atproto.identity.resolveHandle`.
 *
 * @module
 */

import { isAccount, type PdsAccount } from "../account.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";

/** Resolves only the handle of this account. */
export function resolveHandle({ account }: { account: PdsAccount }) {
  return method("com.atproto.identity.resolveHandle", {
    handle({ params: { handle } }) {
      if (!isAccount(account, handle)) {
        refuse(`The handle ${handle} is not hosted here.`, "HandleNotFound");
      }
      return { did: account.did };
    },
  });
}
