/**
 * Accounts move to other PDSes, and handles change owners. Before a request is
 * refused because of a cached identity, the identity is resolved again.
 *
 * @module
 */

import { isAppError } from "../../errors.ts";
import type { Identity, IdentityResolver, ResolveOptions } from "./identity.ts";

/**
 * Resolves `identifier` again and returns the identity if its account or PDS
 * differs from `known`; undefined when it is the same or the network cannot be
 * reached. Queries the network at most every few seconds, or as often as
 * `options` allow.
 */
export async function resolveAgain(
  identities: Pick<IdentityResolver, "resolve">,
  identifier: string,
  known: Pick<Identity, "did" | "pds"> | undefined,
  options: Pick<
    ResolveOptions,
    "fresh" | "maxAgeMs" | "patienceMs" | "signal"
  > = {},
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
