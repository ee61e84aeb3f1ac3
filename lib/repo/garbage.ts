/**
 * Removes content that commits made unreachable: nodes of former trees and
 * former versions of records. It is kept for an hour, because an export walks
 * the tree of the commit it started with while new commits arrive.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { Atomic, Entry, Key, Kv } from "../kv/kv.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { GarbageRow, HeadRow, NodeRow, OldRow } from "./rows.ts";

/** How long unreachable content stays readable, in milliseconds. */
const GARBAGE_GRACE_MS = 3_600_000;

/** Rows processed by one step. */
const STEP_ROWS = 500;
const HASH_BYTES = 32;

/**
 * Removes garbage older than {@linkcode GARBAGE_GRACE_MS}; returns how many
 * rows were removed. Each step runs through `inTurn`, between commits.
 */
export async function sweepGarbage(
  deps: { kv: Kv; keys: RepoKeys; clock: Clock },
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<number> {
  const { kv, keys } = deps;
  const before = deps.clock.now() - GARBAGE_GRACE_MS;
  let removed = 0;
  for await (const entry of kv.list<GarbageRow>({ prefix: keys.garbage })) {
    if (entry.value.at >= before) break;
    removed += await removeGarbage(kv, keys, entry, inTurn);
  }
  return removed;
}

async function removeGarbage(
  kv: Kv,
  keys: RepoKeys,
  entry: Entry<GarbageRow>,
  inTurn: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<number> {
  const rev = String(entry.key.at(-1));
  const { nodes, records } = entry.value;
  const candidates: { key: Key; stays: (row: NodeRow | OldRow) => boolean }[] =
    [
      // A node that a later commit created again has that commit's revision.
      ...hashes(nodes).map((hash) => ({
        key: keys.node(hash),
        stays: (row: NodeRow | OldRow) => row.rev > rev,
      })),
      // Replaced again later: the later garbage row covers it.
      ...hashes(records).map((hash) => ({
        key: keys.old(hash),
        stays: (row: NodeRow | OldRow) => row.rev !== rev,
      })),
    ];
  let removed = 0;
  for (let i = 0; i < candidates.length; i += STEP_ROWS) {
    const step = candidates.slice(i, i + STEP_ROWS);
    removed += await inTurn(() =>
      onSteadyHead(kv, keys, async (atomic) => {
        const rows = await kv.getMany<NodeRow | OldRow>(
          step.map(({ key }) => key),
        );
        const dead = step.filter(({ stays }, n) => {
          const row = rows[n]?.value;
          return row !== undefined && !stays(row);
        });
        for (const { key } of dead) atomic.delete(key);
        return dead.length;
      })
    );
  }
  await kv.delete(entry.key);
  return removed + 1;
}

/** Retries a step until no commit of another instance interferes with it. */
async function onSteadyHead(
  kv: Kv,
  keys: RepoKeys,
  step: (atomic: Atomic) => Promise<number>,
): Promise<number> {
  for (;;) {
    const head = await kv.get<HeadRow>(keys.head);
    const atomic = kv.atomic().check(keys.head, head?.versionstamp ?? null);
    const removed = await step(atomic);
    if (removed === 0 || await atomic.commit()) return removed;
  }
}

function hashes(joined: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let i = 0; i < joined.length; i += HASH_BYTES) {
    found.push(joined.slice(i, i + HASH_BYTES));
  }
  return found;
}
