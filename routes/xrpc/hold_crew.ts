/**
 * `io.atcr.hold.requestCrew` and `updateCrewTier`.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { type Did, didSchema } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldAccess } from "../../lib/hold/access.ts";
import type { HoldCrew } from "../../lib/hold/crew.ts";
import type { HoldQuota } from "../../lib/hold/quota/quota.ts";
import type { AppEnv } from "../middleware.ts";
import {
  callerOf,
  inputOf,
  mountMethods,
  type ServiceTokens,
} from "./hold_request.ts";

/** What the crew methods need. */
export interface HoldCrewRoutesDeps {
  tokens: ServiceTokens;
  access: HoldAccess;
  crew: HoldCrew;
  quota: HoldQuota;
  /** Registries that may set tiers, besides the admins of the hold. */
  trustedRegistries: readonly Did[];
}

const requestInput = z.object({
  role: z.string().min(1).max(32).optional(),
  permissions: z.array(z.string().max(64)).max(16).optional(),
});
const tierInput = z.object({
  userDid: didSchema,
  tierRank: z.int().min(0),
});

/** Serves the crew methods below `/xrpc/`. */
export function mountHoldCrew(
  app: Hono<AppEnv>,
  deps: HoldCrewRoutesDeps,
): void {
  mountMethods(app, {
    procedures: {
      requestCrew: async (c) => {
        const caller = await callerOf(c, deps.tokens, "requestCrew");
        const { role, permissions } = await inputOf(c, requestInput);
        const joined = await deps.crew.request(caller, {
          ...(role === undefined ? {} : { role }),
          ...(permissions === undefined ? {} : { permissions }),
        });
        const message = joined.status === "created"
          ? "You are crew now."
          : "You are crew already.";
        return c.json({ ...joined, message });
      },

      updateCrewTier: async (c) => {
        const caller = await callerOf(c, deps.tokens, "updateCrewTier");
        if (!deps.trustedRegistries.includes(caller)) {
          const decision = await deps.access.admin(caller);
          if (!decision.allowed) {
            throw new AppError("DENIED", decision.reason, {
              xrpc: "AuthRequired",
            });
          }
        }
        const { userDid, tierRank } = await inputOf(c, tierInput);
        const { name } = deps.quota.tierAt(tierRank);
        await deps.crew.setTier(userDid, name);
        return c.json({ tierName: name });
      },
    },
  });
}
