/**
 * The kinds of data that this server keeps about accounts.
 *
 * @module
 */

import type { AppContext } from "../../../lib/context.ts";
import type { AccountPart } from "../../../lib/registry/account_data.ts";

/** The parts, in the order in which they are removed. */
export function accountParts(
  { auth, webhooks, social, registry }: AppContext,
): AccountPart[] {
  const { devices, webSessions, signIn, endPasswordLogins } = auth;
  const hooks = webhooks?.webhooks;
  const near = registry?.members.own?.near;
  return [
    ...(hooks
      ? [
        {
          name: "webhooks",
          read: (did) => hooks.list(did),
          remove: async (did) => {
            for (const { id } of await hooks.list(did)) {
              await hooks.remove({ did, id });
            }
          },
        } satisfies AccountPart,
      ]
      : []),
    ...(social
      ? [
        {
          name: "pinned",
          read: (did) => social.people.pins.get(did),
          remove: (did) => social.people.pins.set(did, []),
        } satisfies AccountPart,
      ]
      : []),
    ...(near
      ? [
        {
          name: "postsAllowed",
          read: (did) => near.isPosted(did),
          remove: (did) => near.setPosted(did, true),
        } satisfies AccountPart,
      ]
      : []),
    {
      name: "devicesAndTokens",
      read: (did) => devices.list(did),
      remove: async (did) => {
        for (const { id } of await devices.list(did)) {
          await devices.revoke(did, id);
        }
      },
    },
    {
      name: "sessions",
      read: (did) => webSessions.list(did),
      remove: async (did) => {
        await endPasswordLogins(did);
        for (const { id } of await webSessions.list(did)) {
          await webSessions.end(did, id);
        }
        await signIn.release(did);
      },
    },
  ];
}
