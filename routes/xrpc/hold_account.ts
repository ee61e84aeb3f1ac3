/**
 * `io.atcr.hold.getQuota`, `exportUserData` and `deleteUserData`: what the hold
 * keeps about one person.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import type { HoldQuota } from "../../lib/hold/quota/quota.ts";
import type { HoldUserData } from "../../lib/hold/user_data.ts";
import type { AppEnv } from "../middleware.ts";
import {
  callerOf,
  didOf,
  failingAs,
  inputOf,
  mountMethods,
  parametersOf,
  type ServiceTokens,
} from "./hold_request.ts";

/** What these methods need. */
export interface HoldAccountRoutesDeps {
  tokens: ServiceTokens;
  quota: HoldQuota;
  userData: HoldUserData;
}

const quotaQuery = z.object({ userDid: z.string().max(2_048) });

/** Serves these methods below `/xrpc/`. */
export function mountHoldAccount(
  app: Hono<AppEnv>,
  deps: HoldAccountRoutesDeps,
): void {
  mountMethods(app, {
    queries: {
      // Open to all, as the layer records it sums up are.
      getQuota: async (c) => {
        const { userDid } = parametersOf(c, quotaQuery);
        return c.json(
          await deps.quota.report(didOf(userDid, "InvalidUserDid")),
        );
      },

      exportUserData: async (c) => {
        const caller = await callerOf(c, deps.tokens, "exportUserData");
        return c.json(await deps.userData.export(caller));
      },
    },
    procedures: {
      deleteUserData: async (c) => {
        const caller = await callerOf(c, deps.tokens, "deleteUserData");
        await inputOf(c, z.object({}));
        return c.json(
          await failingAs(
            "DeletionFailed",
            () => deps.userData.delete(caller),
          ),
        );
      },
    },
  });
}
