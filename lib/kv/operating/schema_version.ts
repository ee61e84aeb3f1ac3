/**
 * The version of the rows: a program refuses rows that a newer one has written,
 * and changes those of an older one before it uses them.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { schemaKey } from "../keys.ts";
import type { Kv } from "../kv.ts";
import { withLease } from "../lease.ts";

/** Version that this program writes. Raise it with a {@linkcode Migration}. */
export const SCHEMA_VERSION = 1;

/** Changes the rows of the version before `to`. */
export interface Migration {
  readonly to: number;
  /** Must be repeatable, because it may be interrupted, and readable by the release before. */
  run(kv: Kv): Promise<void>;
}

/** The row that says which version the rows have. */
export interface SchemaRow {
  readonly version: number;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

/** All migrations, in order. */
const MIGRATIONS: readonly Migration[] = [];

/** How long a process that dies during a migration blocks others, in milliseconds. */
const LEASE_MS = 60_000;
/** How long others wait for a migration, in milliseconds. */
const WAIT_MS = 30 * 60_000;

/** Version of the rows; 1 where none is written, as versions without this row did. */
export async function schemaVersion(kv: Kv): Promise<number> {
  return (await kv.get<SchemaRow>(schemaKey))?.value.version ?? 1;
}

/**
 * Brings the rows to the version of this program; one process does, others wait.
 * Returns the version that they had. Throws AppError `UNAVAILABLE` when they are
 * newer.
 */
export async function migrate(
  kv: Kv,
  clock: Clock,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<number> {
  const target = migrations.at(-1)?.to ?? SCHEMA_VERSION;
  const row = await kv.get<SchemaRow>(schemaKey);
  const before = row?.value.version ?? 1;
  if (before > target) throw newerRows(before, target);
  if (row && before === target) return before;
  const options = { ttlMs: LEASE_MS, waitMs: WAIT_MS };
  await withLease(kv, clock, "migration", options, async () => {
    let version = await schemaVersion(kv);
    for (const migration of migrations) {
      if (migration.to <= version) continue;
      await migration.run(kv);
      version = migration.to;
      await write(kv, clock, version);
    }
    await write(kv, clock, version);
  });
  return before;
}

async function write(kv: Kv, clock: Clock, version: number): Promise<void> {
  const row: SchemaRow = { version, since: clock.now() };
  await kv.set(schemaKey, row);
}

function newerRows(found: number, known: number): AppError {
  return new AppError(
    "UNAVAILABLE",
    `The key-value store was written by a newer version of this program: its rows have schema ${found}, and this one reads up to ${known}. Start the newer version, or restore a backup that was made before the upgrade.`,
  );
}
