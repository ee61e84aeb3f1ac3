/**
 * Says that what is shown of an account is a copy, while its PDS does not
 * respond.
 *
 * @module
 */

import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { PdsHealth } from "../../../lib/index/people/pds_health.ts";
import { Age } from "./format.tsx";

/** A PDS that does not respond. Times are milliseconds since the Unix epoch. */
export interface PdsAway {
  readonly host: string;
  readonly since: number;
  readonly now: number;
}

/** What is known of the account's PDS; undefined while it responds. */
export function pdsAway(
  { clock, index }: {
    clock: Clock;
    index: { pdses: Pick<PdsHealth, "awaySince"> };
  },
  { pds }: Identity,
): PdsAway | undefined {
  const since = index.pdses.awaySince(pds);
  if (pds === undefined || since === undefined) return undefined;
  return { host: new URL(pds).host, since, now: clock.now() };
}

/** The sentence. */
export function PdsAwayNotice({ host, since, now }: PdsAway) {
  return (
    <p class="notice" role="status">
      The owner’s PDS {host} has not answered since <Age at={since} now={now} />
      . This is the copy of this registry: what changed elsewhere since then is
      missing, and pushes are refused.
    </p>
  );
}
