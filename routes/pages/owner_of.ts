/**
 * The account that a name in an address stands for.
 *
 * @module
 */

import type { Identity } from "../../lib/atproto/identity/identity.ts";
import { isAppError } from "../../lib/errors.ts";
import type { Actors } from "../../lib/index/people/actors.ts";
import type { Owner } from "../../lib/oci/name.ts";
import type { Owners } from "../../lib/registry/owners/owners.ts";

export interface OwnerOfDeps {
  readonly owners: Pick<Owners, "resolve">;
  readonly actors: Pick<Actors, "byFormerHandle">;
}

/**
 * Resolves a name; a handle that leads nowhere stands for the account that had
 * it until lately. `admit` is awaited before another server is asked. Throws
 * what {@linkcode Owners.resolve} throws.
 */
export async function ownerOf(
  { owners, actors }: OwnerOfDeps,
  owner: Owner,
  admit: () => Promise<void>,
): Promise<Identity> {
  try {
    return await owners.resolve(owner.value, { beforeAsking: admit });
  } catch (error) {
    if (owner.kind !== "handle" || !isAppError(error, "NAME_UNKNOWN")) {
      throw error;
    }
    const did = await actors.byFormerHandle(owner.value);
    if (did === undefined) throw error;
    return await owners.resolve(did, { beforeAsking: admit });
  }
}
