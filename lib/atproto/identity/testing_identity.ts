/**
 * Identities for tests.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Identity } from "./identity.ts";

/** An account without key and services; what is not given is not known. */
export function identityOf(
  did: Did,
  { handle, pds }: {
    handle?: string | undefined;
    pds?: string | undefined;
  } = {},
): Identity {
  return { did, handle, pds, signingKey: undefined, services: {} };
}
