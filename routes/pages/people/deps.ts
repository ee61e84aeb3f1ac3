/**
 * What the pages of accounts are made from.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import type { Actor } from "../../../lib/index/people/actor_rows.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import type { AppEnv } from "../../middleware.ts";
import type { PdsAway } from "../parts/pds_away.tsx";
import type { Asked, DiscoveryDeps } from "../discovery/deps.ts";

export interface PeopleDeps extends DiscoveryDeps {
  owners: Owners;
  /** Counts a lookup without login at another server. Throws AppError `TOOMANYREQUESTS`. */
  admitLookUp: (c: Context<AppEnv>) => Promise<void>;
}

/** A request for a page of an account. */
export interface AskedAccount extends Asked {
  readonly owner: Identity;
  /** Handle, or DID where there is none. */
  readonly name: string;
  /** What is known of the person; undefined for an account that was not met yet. */
  readonly actor: Actor | undefined;
  /** Address of the picture; undefined where none are served. */
  readonly picture: string | undefined;
  /** The PDS of an account that is known here, while it does not respond. */
  readonly away: PdsAway | undefined;
  /** Whether the visitor is this account. */
  readonly isOwn: boolean;
}
