/**
 * Looks up holds for what accounts do there besides storing images.
 *
 * @module
 */

import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type { Did } from "../did.ts";
import type { HoldMember } from "../hold_api/hold_member.ts";
import { originOfHold } from "./holds.ts";

export interface HoldMembersDeps {
  /** This server's own hold; undefined if none runs here. */
  own: HoldMember | undefined;
  identities: Pick<IdentityResolver, "resolve">;
  /** Creates the client of a hold at `origin`. */
  remote: (did: Did, origin: string) => HoldMember;
}

/** Finds holds by DID. */
export class HoldMembers {
  readonly #deps: HoldMembersDeps;

  constructor(deps: HoldMembersDeps) {
    this.#deps = deps;
  }

  /** The hold of this process; undefined if none runs here. */
  get own(): HoldMember | undefined {
    return this.#deps.own;
  }

  /** Throws AppError `UNAVAILABLE` when the DID leads to no hold. */
  async get(did: Did): Promise<HoldMember> {
    const { own, identities, remote } = this.#deps;
    if (own?.did === did) return own;
    return remote(did, await originOfHold(identities, did));
  }
}
