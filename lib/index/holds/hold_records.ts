/**
 * Takes captain and crew records of the network.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import { isNews, seenFrom } from "../seen.ts";
import type { IndexWatch } from "../watch.ts";
import {
  CAPTAIN,
  captainChange,
  CREW,
  crewChange,
  crewFacts,
  type CrewRow,
  holdFacts,
  type HoldRow,
  type RowChange,
  SELF,
} from "./hold_rows.ts";
import { holdKeys } from "./kv_keys.ts";

export interface HoldRecordsDeps {
  readonly kv: Kv;
  /** Our own hold, which writes its rows itself. */
  readonly ownHold: Did | undefined;
  readonly watch: Pick<IndexWatch, "ignored">;
  /** Hears that a hold has a captain, or none any more. */
  readonly onHold: (hold: Did, exists: boolean) => Promise<void>;
}

const ATTEMPTS = 10;

/** Applies captain and crew records. */
export class HoldRecords implements RecordHandler {
  readonly collections = [CAPTAIN, CREW];
  readonly #deps: HoldRecordsDeps;

  constructor(deps: HoldRecordsDeps) {
    this.#deps = deps;
  }

  async apply(change: RecordChange): Promise<void> {
    if (change.did === this.#deps.ownHold) return;
    if (change.collection === CREW) return await this.#applyCrew(change);
    if (change.collection === CAPTAIN && change.rkey === SELF) {
      await this.#applyCaptain(change);
    }
  }

  /** The records that rows were made of, with the times at which they were seen. */
  async *known(
    hold: Did,
    collection: string,
  ): AsyncGenerator<{ rkey: string; at: number }> {
    const { kv } = this.#deps;
    if (collection === CAPTAIN) {
      const row = (await kv.get<HoldRow>(holdKeys.hold(hold)))?.value;
      if (row) yield { rkey: SELF, at: row.seenAt };
    }
    if (collection !== CREW) return;
    const prefix = holdKeys.allCrew(hold);
    for await (const { key, value } of kv.list<CrewRow>({ prefix })) {
      yield { rkey: String(key.at(-1)), at: value.seenAt };
    }
  }

  async #applyCaptain(change: RecordChange): Promise<void> {
    const hold = change.did;
    const facts = holdFacts(change.record);
    this.#count(change, facts);
    const key = holdKeys.hold(hold);
    const isApplied = await this.#change<HoldRow>(key, (before) => {
      if (!isNews(change, before)) return undefined;
      const after = facts && { ...facts, ...seenFrom(change, before) };
      return captainChange(hold, before, after);
    });
    if (isApplied) await this.#deps.onHold(hold, facts !== undefined);
  }

  async #applyCrew(change: RecordChange): Promise<void> {
    const { did: hold, rkey } = change;
    const facts = crewFacts(change.record);
    this.#count(change, facts);
    await this.#change<CrewRow>(holdKeys.crew(hold, rkey), (before) => {
      if (!isNews(change, before)) return undefined;
      const after = facts && { ...facts, ...seenFrom(change, before) };
      return crewChange(hold, rkey, before, after);
    });
  }

  /** A record that is none takes the rows of an earlier one away. */
  #count({ collection, record }: RecordChange, facts: unknown): void {
    if (record !== undefined && facts === undefined) {
      this.#deps.watch.ignored(collection, "invalid");
    }
  }

  /** Changes rows by what one of them was; false when `next` changes nothing. */
  async #change<T>(
    key: Entry<T>["key"],
    next: (before: T | undefined) => RowChange[] | undefined,
  ): Promise<boolean> {
    const { kv } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await kv.get<T>(key);
      const changes = next(entry?.value);
      if (changes === undefined) return false;
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
      for (const { key, row } of changes) {
        if (row === undefined) commit.delete(key);
        else commit.set(key, row);
      }
      if (await commit.commit()) return true;
    }
    throw new Error(`The rows of ${String(key.at(-1))} change too often`);
  }
}
