/**
 * Checks of `doctor` on backups and on what a restore leaves behind.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";
import { lastBackupKey, readOnlyKey } from "../../lib/kv/keys.ts";
import { schemaVersion } from "../../lib/kv/operating/schema_version.ts";
import { dateOf } from "../scrub_commands.ts";
import { type DoctorCheck, type Finding, ok, warn } from "./doctor_finding.ts";

/** The checks. */
export const BACKUP_CHECKS: readonly DoctorCheck[] = [
  { name: "rows", run: rows },
  { name: "last backup", run: lastBackup },
];

/** A daily backup may take two hours. */
const OLD_MS = 26 * 3_600_000;

async function rows({ kv, config }: AppContext): Promise<Finding[]> {
  const schema = ok(`They have the schema ${await schemaVersion(kv)}.`);
  const isOff = await kv.get(readOnlyKey) === undefined;
  if (isOff && !config.server.read_only) return [schema];
  return [
    schema,
    warn("Clients can only read; read-only off or server.read_only ends that."),
  ];
}

async function lastBackup(
  { kv, clock, config }: AppContext,
): Promise<Finding[]> {
  const at = (await kv.get<{ at: number }>(lastBackupKey))?.value.at;
  if (at !== undefined && clock.now() - at < OLD_MS) {
    return [ok(`It is of ${dateOf(at)}.`)];
  }
  // On a laptop nothing is lost.
  if (!config.server.public) return [];
  return [
    warn(
      `${
        at === undefined ? "There is none" : `It is of ${dateOf(at)}`
      }; run backup every day, or back up key-value store, storage and secret_key by other means.`,
    ),
  ];
}
