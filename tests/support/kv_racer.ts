/**
 * One process of the race for a key-value store: `deno run -A kv_racer.ts URL
 * NAME ROUNDS`. Moves amounts between accounts by checks, and claims keys that
 * only one may have. Prints what it did as JSON.
 *
 * @module
 */

import { openKv } from "../../lib/kv/open_kv.ts";

/** Accounts that share a fixed sum. */
export const ACCOUNTS = 8;
const WORKERS = 8;

/** What one process has done. */
export interface RaceResult {
  readonly transfers: number;
  readonly conflicts: number;
  readonly claims: readonly string[];
}

if (import.meta.main) {
  const [url = "", name = "", rounds = "0"] = Deno.args;
  const kv = await openKv(url);
  let transfers = 0;
  let conflicts = 0;
  const claims: string[] = [];
  const work = async (worker: number) => {
    for (let round = 0; round < Number(rounds); round++) {
      const from = ["account", (worker + round) % ACCOUNTS];
      const to = ["account", (worker * 3 + round * 5 + 1) % ACCOUNTS];
      if (from[1] === to[1]) continue;
      const [a, b] = await kv.getMany<number>([from, to]);
      const moved = await kv.atomic()
        .check(from, a?.versionstamp ?? null)
        .check(to, b?.versionstamp ?? null)
        .set(from, (a?.value ?? 0) - 1).set(to, (b?.value ?? 0) + 1)
        .sum(["transfers"], 1n).commit();
      if (moved) transfers++;
      else conflicts++;
      const id = `${worker}-${round}`;
      const won = await kv.atomic().check(["claim", id], null)
        .set(["claim", id], name).commit();
      if (won) claims.push(id);
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, (_, i) => work(i)));
  const result: RaceResult = { transfers, conflicts, claims };
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(result)));
  kv.close();
}
