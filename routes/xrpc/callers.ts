/**
 * Authenticates callers of the hold's methods by service token.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldAccess } from "../../lib/hold/access.ts";
import type { Decision } from "../../lib/hold_api/decision.ts";
import type { XrpcContext } from "./mount.ts";
import { renamed } from "./refusals.ts";

/** Verifies service tokens. */
export interface ServiceTokens {
  /**
   * The DID that signed the Bearer token of an `Authorization` header for the
   * method `lxm` of this hold. Throws AppError `UNAUTHORIZED`.
   */
  verify(authorization: string | undefined, lxm: string): Promise<Did>;
}

export interface RightsDeps {
  tokens: ServiceTokens;
  access: HoldAccess;
}

/** Returns the DID behind a request's service token. Throws AppError `UNAUTHORIZED` (`AuthRequired`). */
export type Authorize = (c: XrpcContext, nsid: string) => Promise<Did>;

/** Allows every caller with a service token for the method. */
export function anyCaller({ tokens }: { tokens: ServiceTokens }): Authorize {
  return async (c, nsid) => {
    try {
      return await tokens.verify(c.req.header("authorization"), nsid);
    } catch (error) {
      throw renamed(error, "AuthRequired", (status) => status === 401);
    }
  };
}

/** Allows callers that may push here. Throws AppError `DENIED` for all others. */
export function writers(deps: RightsDeps): Authorize {
  const authorize = anyCaller(deps);
  return async (c, nsid) => {
    const caller = await authorize(c, nsid);
    requireAllowed(await deps.access.write(caller));
    return caller;
  };
}

/** Allows captain and crew admins. Throws AppError `DENIED` for all others. */
export function admins(deps: RightsDeps): Authorize {
  const authorize = anyCaller(deps);
  return async (c, nsid) => {
    const caller = await authorize(c, nsid);
    requireAllowed(await deps.access.admin(caller));
    return caller;
  };
}

/** Throws AppError `DENIED` with the reason of a refusal. */
export function requireAllowed(decision: Decision): void {
  if (!decision.allowed) throw new AppError("DENIED", decision.reason);
}
