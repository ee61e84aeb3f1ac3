/**
 * Accounts move to other PDSes, and handles change hands. Nobody is refused
 * because of an answer of yesterday: the identity is asked again before.
 *
 * @module
 */

import { isAppError } from "../../errors.ts";
import type { Identity, IdentityResolver, ResolveOptions } from "./identity.ts";

/**
 * What `identifier` leads to now, where that is another account or another PDS
 * than `known` says; undefined when it is the same, or nobody can be asked.
 * Asks the network at most every few seconds, or as often as `options` say.
 */
export async function askAgain(
  identities: Pick<IdentityResolver, "resolve">,
  identifier: string,
  known: Pick<Identity, "did" | "pds"> | undefined,
  options: Pick<ResolveOptions, "maxAgeMs" | "patienceMs" | "signal"> = {},
): Promise<Identity | undefined> {
  const fresh = options.maxAgeMs === undefined;
  try {
    const now = await identities.resolve(identifier, { fresh, ...options });
    return now.did === known?.did && now.pds === known.pds ? undefined : now;
  } catch (error) {
    if (isAppError(error)) return undefined;
    throw error;
  }
}
