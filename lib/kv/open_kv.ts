/**
 * Opens a key-value store: a file, in memory, the platform's, a remote one or
 * PostgreSQL. The only place that chooses.
 *
 * @module
 */

import { dirname } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import { AppError } from "../errors.ts";
import { DenoKv } from "./deno_kv.ts";
import type { Kv } from "./kv.ts";
import { isPostgres } from "./postgres/address.ts";
import { retryPolicyFor } from "./retry.ts";

/** Connections to PostgreSQL where nothing else is said. */
const POOL_SIZE = 8;

/**
 * Opens a store.
 *
 * `location` is a path (its folder is created when missing), `:memory:`, the
 * `https://` address of a remote KV, the `postgres://` address of a database, or
 * undefined for the platform's own. `clock` decides what has expired; code that
 * stores `expiresAt` must use the same clock. `poolSize` is the number of
 * connections to PostgreSQL. Throws AppError `UNAVAILABLE` when the store cannot
 * be opened, `INVALID_REQUEST` when the address is wrong.
 */
export async function openKv(
  location: string | undefined,
  clock: Clock = systemClock,
  { poolSize = POOL_SIZE }: { poolSize?: number } = {},
): Promise<Kv> {
  if (location !== undefined && isPostgres(location)) {
    // Loaded only where it is used.
    const { PostgresKv } = await import("./postgres/postgres_kv.ts");
    return await PostgresKv.open(location, clock, { size: poolSize });
  }
  try {
    if (location && !/^(:memory:$|https?:)/.test(location)) {
      await Deno.mkdir(dirname(location), { recursive: true, mode: 0o700 });
    }
    const isLocal = location !== undefined && !/^https?:/.test(location);
    const kv = await retryPolicyFor(isLocal)(() => Deno.openKv(location));
    return new DenoKv(kv, clock, isLocal);
  } catch (error) {
    throw new AppError(
      "UNAVAILABLE",
      `The key-value store ${location ?? "of the platform"} cannot be ` +
        "opened; look at the setting kv.url and at the rights of its folder.",
      { cause: error },
    );
  }
}
