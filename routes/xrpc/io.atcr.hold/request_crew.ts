/**
 * `io.atcr.hold.requestCrew`.
 *
 * @module
 */

import type { HoldCrew } from "../../../lib/hold/crew.ts";
import { anyCaller, type ServiceTokens } from "../callers.ts";
import { method } from "../mount.ts";
import { refuse, requireAtMost } from "../refusals.ts";

/** Maximum permissions of one request. */
const MAX_PERMISSIONS = 16;

/** Adds the caller to the crew if the hold has `allowAllCrew`. */
export function requestCrew(deps: { tokens: ServiceTokens; crew: HoldCrew }) {
  return method("io.atcr.hold.requestCrew", {
    authorize: anyCaller(deps),
    async handle({ caller, input }) {
      if (input.role === "") refuse("The role is empty.");
      requireAtMost(MAX_PERMISSIONS, input.permissions, "permissions");
      const joined = await deps.crew.request(caller, input);
      const message = joined.status === "created"
        ? "You are crew now."
        : "You are crew already.";
      return { ...joined, message };
    },
  });
}
