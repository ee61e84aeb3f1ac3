/**
 * What the settings pages work with.
 *
 * @module
 */

import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import type { PdsSession } from "../../../lib/atproto/pds/pds.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { Holds } from "../../../lib/index/holds/holds.ts";
import type { HoldMembers } from "../../../lib/registry/hold_members.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import type { SailorSettings } from "../../../lib/registry/owners/sailor_settings.ts";
import type { Browsers } from "../../auth/browser.ts";

export interface SettingsPagesDeps {
  browsers: Browsers;
  clock: Clock;
  owners: Pick<Owners, "resolve">;
  sailorSettings: SailorSettings;
  members: HoldMembers;
  /** What is known of holds. */
  holds: Holds;
  /** The session at the PDS of an account; undefined when it has ended. */
  session: (did: Did) => Promise<PdsSession | undefined>;
  /** The hold of accounts that have chosen none. */
  defaultHold: Did;
  /** Domains in names of images, the first one first. */
  domains: readonly string[];
  /** Whether pages are reached by https. */
  isSecure: boolean;
}

/** Crews and holds of one account that a page shows. */
export const MAX_HOLDS = 50;

/** The account at its PDS. Throws AppError `UNAUTHORIZED` when its session has ended. */
export async function requireSession(
  { session }: Pick<SettingsPagesDeps, "session">,
  did: Did,
): Promise<PdsSession> {
  const found = await session(did);
  if (found) return found;
  throw new AppError(
    "UNAUTHORIZED",
    "The connection to your PDS has ended, so nothing was changed. Sign in again, then repeat it.",
  );
}

/** Resolves holds and accounts. */
export function resolver(
  { owners }: Pick<SettingsPagesDeps, "owners">,
): (identifier: string) => Promise<Identity> {
  return (identifier) => owners.resolve(identifier);
}
