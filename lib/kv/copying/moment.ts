/**
 * A store as it was at one moment, while others write to it.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../kv.ts";
import { openKv } from "../open_kv.ts";
import { isPostgres } from "../postgres/address.ts";

/** Rows of one moment. */
export interface Moment extends AsyncDisposable {
  readonly rows: Pick<Kv, "entries">;
}

/**
 * Opens the store at `location` (see `openKv`) as it is now; undefined where it
 * has no snapshots: in memory, on the platform and on a remote Deno KV. That of
 * a file is a second file beside it until it is disposed.
 */
export async function openMoment(
  location: string | undefined,
  clock: Clock,
): Promise<Moment | undefined> {
  if (location === undefined || /^(:memory:$|https?:)/.test(location)) {
    return undefined;
  }
  if (isPostgres(location)) {
    const rows = await openKv(location, clock, { poolSize: 1 });
    return {
      rows,
      [Symbol.asyncDispose]: () => Promise.resolve(rows.close()),
    };
  }
  const folder = await Deno.makeTempDir({
    dir: dirname(location),
    prefix: ".snapshot-",
  });
  const copy = join(folder, "kv.sqlite3");
  const database = new DatabaseSync(location, { readOnly: true });
  try {
    database.prepare("VACUUM INTO ?").run(copy);
  } finally {
    database.close();
  }
  const rows = await openKv(copy, clock);
  return {
    rows,
    [Symbol.asyncDispose]: async () => {
      rows.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
