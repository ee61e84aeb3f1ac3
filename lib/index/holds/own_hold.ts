/**
 * Captain and crew of our own hold: their rows change in the commits of its
 * repo, since nobody sends us events of ourselves.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import {
  CAPTAIN,
  captainChange,
  CREW,
  crewChange,
  crewFacts,
  type CrewRow,
  holdFacts,
  type RowChange,
  SELF,
} from "./hold_rows.ts";
import { holdKeys } from "./kv_keys.ts";

/** A record that a commit of the hold changes. */
interface Edit {
  readonly collection: string;
  readonly rkey: string;
  readonly before: () => unknown;
  readonly after: () => unknown;
}

/** The part of the hold's repo that is read. */
export interface OwnRecords {
  readonly did: Did;
  head(): Promise<{ readonly rev: string }>;
  getRecord(
    collection: string,
    rkey: string,
  ): Promise<{ readonly rkey: string; readonly value: unknown } | undefined>;
  allRecords(
    collection: string,
  ): AsyncIterable<{ readonly rkey: string; readonly value: unknown }>;
}

/** The rows that a commit of the hold `hold` changes; `at` in milliseconds since the Unix epoch. */
export function rowsOfCommit(
  hold: Did,
  edits: readonly Edit[],
  rev: string,
  at: number,
): RowChange[] {
  const seen = { rev, seenAt: at };
  return edits.flatMap(({ collection, rkey, before, after }) => {
    if (collection === CREW) {
      const facts = crewFacts(after());
      const row = facts && { ...facts, ...seen };
      return crewChange(hold, rkey, crewFacts(before()), row);
    }
    if (collection !== CAPTAIN || rkey !== SELF) return [];
    const facts = holdFacts(after());
    const row = facts && { ...facts, ...seen };
    return captainChange(hold, holdFacts(before()), row);
  });
}

/**
 * Writes the rows of all captain and crew records of our own hold, unless that
 * was done: a store of an earlier version has none, and a rebuild drops them.
 */
export async function readOwnHold(
  { kv, clock }: { readonly kv: Kv; readonly clock: Clock },
  records: OwnRecords,
): Promise<void> {
  const { did } = records;
  const done = holdKeys.ownHoldRead(did);
  if (await kv.get(done)) return;
  const captain = await records.getRecord(CAPTAIN, SELF);
  if (captain) await readRecord({ kv, clock }, records, CAPTAIN, SELF);
  for await (const { rkey } of records.allRecords(CREW)) {
    await readRecord({ kv, clock }, records, CREW, rkey);
  }
  await kv.set(done, clock.now());
}

/** Makes the rows of our own hold again: what {@linkcode readOwnHold} writes, and nothing else. */
export async function rereadOwnHold(
  deps: { readonly kv: Kv; readonly clock: Clock },
  records: OwnRecords,
): Promise<void> {
  const { kv } = deps;
  const { did } = records;
  await kv.delete(holdKeys.ownHoldRead(did));
  await readOwnHold(deps, records);
  const prefix = holdKeys.allCrew(did);
  for await (const entry of kv.list<CrewRow>({ prefix })) {
    const { key, value, versionstamp } = entry;
    const rkey = String(key.at(-1));
    if (await records.getRecord(CREW, rkey)) continue;
    const commit = kv.atomic().check(key, versionstamp);
    for (const { key } of crewChange(did, rkey, value, undefined)) {
      commit.delete(key);
    }
    await commit.commit();
  }
}

const ATTEMPTS = 5;

/** Writes the rows of one record as it is now, whatever commits come in between. */
async function readRecord(
  { kv, clock }: { readonly kv: Kv; readonly clock: Clock },
  records: OwnRecords,
  collection: string,
  rkey: string,
): Promise<void> {
  const key = collection === CREW
    ? holdKeys.crew(records.did, rkey)
    : holdKeys.hold(records.did);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Read before the record: a commit in between changes it.
    const entry = await kv.get(key);
    const { rev } = await records.head();
    const record = await records.getRecord(collection, rkey);
    const value = () => record?.value;
    const edit = { collection, rkey, before: () => undefined, after: value };
    const changes = rowsOfCommit(records.did, [edit], rev, clock.now());
    const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
    for (const { key, row } of changes) {
      if (row !== undefined) commit.set(key, row);
    }
    if (record === undefined || await commit.commit()) return;
  }
}
