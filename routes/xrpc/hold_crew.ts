/**
 * `io.atcr.hold.requestCrew` and `updateCrewTier`.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import type { HoldCrew } from "../../lib/hold/crew.ts";
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
  crew: HoldCrew;
}

const requestInput = z.object({
  role: z.string().min(1).max(32).optional(),
  permissions: z.array(z.string().max(64)).max(16).optional(),
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
    },
  });
}
