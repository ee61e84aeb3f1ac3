/**
 * `io.atcr.hold.getQuota`, `exportUserData` and `deleteUserData`: what the hold
 * keeps about one person.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { isValidDid } from "@atproto/syntax";
import type { Did } from "../../lib/atproto/identity.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldQuota } from "../../lib/hold/quota.ts";
import type { HoldUserData } from "../../lib/hold/user_data.ts";
import { quote } from "../../lib/oci/quote.ts";
import type { AppEnv } from "../middleware.ts";
import {
  callerOf,
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
        return c.json(await deps.quota.report(checkedDid(userDid)));
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
        return c.json(await deps.userData.delete(caller));
      },
    },
  });
}

function checkedDid(text: string): Did {
  if (isValidDid(text)) return text as Did;
  throw new AppError("INVALID_REQUEST", `${quote(text)} is not a DID.`, {
    xrpc: "InvalidUserDid",
  });
}
