/**
 * The rows of the store at one moment: a snapshot, or in read-only mode where
 * the store has none.
 *
 * @module
 */

import { systemClock } from "../../lib/clock.ts";
import type { Config } from "../../lib/config/config.ts";
import { openConfiguredKv } from "../../lib/context/storage.ts";
import { type Moment, openMoment } from "../../lib/kv/copying/moment.ts";
import { readOnlyKey } from "../../lib/kv/keys.ts";
import { NOTICE_MS, setReadOnly } from "../../lib/kv/operating/read_only.ts";
import type { CommandOutput } from "../command.ts";

/** Longer than instances need to notice, and requests in progress to end. */
const QUIET_MS = NOTICE_MS + 5_000;

/** Opens the rows; dispose them in any case, because that ends the read-only mode. */
export async function rowsOfOneMoment(
  config: Config,
  { print }: Pick<CommandOutput, "print">,
): Promise<Moment> {
  const snapshot = await openMoment(config.kv.location, systemClock);
  if (snapshot) return snapshot;
  const kv = await openConfiguredKv(config);
  const wasOn = await kv.get(readOnlyKey) !== undefined;
  if (!wasOn) {
    print("This store has no snapshots: clients can only read meanwhile.");
    await setReadOnly(kv, systemClock, true);
    await systemClock.sleep(QUIET_MS);
  }
  return {
    rows: kv,
    [Symbol.asyncDispose]: async () => {
      if (!wasOn) await setReadOnly(kv, systemClock, false);
      kv.close();
    },
  };
}
