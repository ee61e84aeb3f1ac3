/**
 * Versions of records that were applied, so that each change is applied once,
 * an old one never after a newer one, and deleted records are found by listing.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { KeyedMutex } from "../../async/keyed_mutex.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import { KV_LIMITS } from "../../kv/limits.ts";
import type { RecordChange } from "../record_change.ts";
import { networkKeys } from "./kv_keys.ts";
import type { ChangeOutcome } from "./observer.ts";

/** The version of a record that was applied. */
interface RecordRow {
  /** Revision of the repo, a TID; empty if a listing did not report it. */
  readonly rev: string;
  /** The last characters of the CID; absent after a deletion. */
  readonly cid?: string;
}

export interface LedgerDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  /** Applies changes of different records of an account; may be called again for the same ones. */
  readonly apply: (
    did: Did,
    changes: readonly RecordChange[],
  ) => Promise<void>;
  readonly observer: { change(outcome: ChangeOutcome): void };
  /** Most records of one account. */
  readonly maxRecords: number;
}

/** A validated change. */
export interface CheckedChange extends RecordChange {
  /** False if the record does not fit its lexicon; it then counts as a deletion. */
  readonly valid: boolean;
}

/** Characters of a CID that are stored: 80 bits, enough for the records of one account. */
const CID_TAIL = 16;
/** How long deletions are stored, for listings that began before them; milliseconds. */
const DELETED_MS = 3 * 86_400_000;
/** How long a record count is cached, in milliseconds. */
const COUNT_MS = 60_000;
const ATTEMPTS = 5;
/** Changes that are applied together. */
const TOGETHER = 100;

/** The rows of records. */
export class RecordLedger {
  readonly #deps: LedgerDeps;
  readonly #turns = new KeyedMutex();
  /** Cached record counts. */
  readonly #counts = new LRUCache<Did, { count: number; readAt: number }>({
    max: 10_000,
  });

  constructor(deps: LedgerDeps) {
    this.#deps = deps;
  }

  /** Applies changes of one account in order. Throws errors of the store and of `apply`. */
  async apply(did: Did, changes: readonly CheckedChange[]): Promise<void> {
    for (const chunk of chunksOf(changes)) {
      await this.#turns.run(did, () => this.#applyChunk(did, chunk));
    }
  }

  /** Keys of existing records of a collection that are not newer than `rev`. */
  async *recordsUpTo(
    did: Did,
    collection: string,
    rev: string,
  ): AsyncGenerator<string> {
    const rows = this.#deps.kv.list<RecordRow>({
      prefix: networkKeys.records(did, collection),
    });
    for await (const { key, value } of rows) {
      if (value.cid === undefined || value.rev > rev) continue;
      yield String(key.at(-1));
    }
  }

  /** Whether an account has a record of one of `collections`. */
  async hasAny(did: Did, collections: readonly string[]): Promise<boolean> {
    for (const collection of collections) {
      const rows = this.#deps.kv.list<RecordRow>({
        prefix: networkKeys.records(did, collection),
      });
      for await (const { value } of rows) {
        if (value.cid !== undefined) return true;
      }
    }
    return false;
  }

  /** Existing records of an account, at most `limit`. */
  async *records(
    did: Did,
    limit: number,
  ): AsyncGenerator<{ readonly collection: string; readonly rkey: string }> {
    const rows = this.#deps.kv.list<RecordRow>({
      prefix: networkKeys.records(did),
    });
    let count = 0;
    for await (const { key, value } of rows) {
      if (value.cid === undefined) continue;
      if (++count > limit) return;
      yield { collection: String(key.at(-2)), rkey: String(key.at(-1)) };
    }
  }

  /** Applies changes of different records. */
  async #applyChunk(
    did: Did,
    chunk: readonly CheckedChange[],
  ): Promise<void> {
    let left = chunk;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      left = await this.#tryChunk(did, left);
      if (left.length === 0) return;
    }
    throw new Error(`The records of ${did} change too often`);
  }

  /** Returns the changes whose rows another process changed meanwhile. */
  async #tryChunk(
    did: Did,
    chunk: readonly CheckedChange[],
  ): Promise<readonly CheckedChange[]> {
    const { kv, observer } = this.#deps;
    const rows = await kv.getMany<RecordRow>(
      chunk.map(({ collection, rkey }) =>
        networkKeys.record(did, collection, rkey)
      ),
    );
    const planned = plan(chunk, rows, await this.#room(did, rows));
    const wanted = planned.flatMap(({ change, outcome }) =>
      outcome === "applied"
        ? [changeOf(change)]
        : outcome === "gone"
        ? [deletionOf(change)]
        : []
    );
    if (wanted.length > 0) await this.#deps.apply(did, wanted);
    const left: CheckedChange[] = [];
    for (let i = 0; i < planned.length; i += KV_LIMITS.checks) {
      const some = planned.slice(i, i + KV_LIMITS.checks);
      if (!await this.#store(did, some)) {
        left.push(...some.map(({ change }) => change));
        continue;
      }
      for (const { change, outcome } of some) {
        const isApplied = outcome === "gone" && change.valid;
        observer.change(
          isApplied ? "applied" : outcome === "gone" ? "invalid" : outcome,
        );
      }
    }
    return left;
  }

  /** How many more records the account may have. */
  async #room(
    did: Did,
    rows: readonly (Entry<RecordRow> | undefined)[],
  ): Promise<number> {
    const { clock, kv, maxRecords } = this.#deps;
    if (rows.every((row) => row?.value.cid !== undefined)) return 0;
    const known = this.#counts.get(did);
    if (known && Math.abs(clock.now() - known.readAt) < COUNT_MS) {
      return maxRecords - known.count;
    }
    const count = Number(await kv.counter(networkKeys.recordCount(did)));
    this.#counts.set(did, { count, readAt: clock.now() });
    return maxRecords - count;
  }

  /** Stores the rows; false if another process changed one of them. */
  async #store(did: Did, planned: readonly Planned[]): Promise<boolean> {
    const { kv, clock } = this.#deps;
    const commit = kv.atomic();
    let [writes, more] = [0, 0];
    for (const { change, before, next } of planned) {
      if (next === undefined) continue;
      writes++;
      const key = networkKeys.record(did, change.collection, change.rkey);
      commit.check(key, before?.versionstamp ?? null);
      if (next.cid === undefined) {
        commit.set(key, next, { expiresAt: clock.now() + DELETED_MS });
        if (before?.value.cid !== undefined) more--;
      } else {
        commit.set(key, next);
        if (before?.value.cid === undefined) more++;
      }
    }
    if (writes === 0) return true;
    if (more !== 0) commit.sum(networkKeys.recordCount(did), BigInt(more));
    if (!await commit.commit()) return false;
    const known = this.#counts.get(did);
    if (known) this.#counts.set(did, { ...known, count: known.count + more });
    return true;
  }
}

/** How a change is processed. */
interface Planned {
  readonly change: CheckedChange;
  readonly before: Entry<RecordRow> | undefined;
  /** `gone`: the record is deleted. */
  readonly outcome: "applied" | "gone" | "known" | "invalid" | "too_many";
  /** The new row; undefined: unchanged. */
  readonly next: RecordRow | undefined;
}

function plan(
  chunk: readonly CheckedChange[],
  rows: readonly (Entry<RecordRow> | undefined)[],
  room: number,
): Planned[] {
  let left = room;
  return chunk.map((change, i): Planned => {
    const before = rows[i];
    const row = before?.value;
    const rev = change.rev ?? row?.rev ?? "";
    const isOld = row !== undefined && change.rev !== undefined &&
      row.rev >= change.rev;
    if (isOld) return { change, before, outcome: "known", next: undefined };
    if (change.record === undefined || !change.valid) {
      const isThere = row?.cid !== undefined;
      if (!isThere && !change.valid) {
        return { change, before, outcome: "invalid", next: undefined };
      }
      if (isThere) left++;
      return { change, before, outcome: "gone", next: { rev } };
    }
    const cid = (change.cid ?? "").slice(-CID_TAIL);
    if (row?.cid === cid && cid !== "") {
      return { change, before, outcome: "known", next: undefined };
    }
    if (row?.cid === undefined && left-- <= 0) {
      return { change, before, outcome: "too_many", next: undefined };
    }
    return { change, before, outcome: "applied", next: { rev, cid } };
  });
}

/** The change as handlers receive it. */
function changeOf({ valid: _, ...change }: CheckedChange): RecordChange {
  return change;
}

function deletionOf(change: CheckedChange): RecordChange {
  return { ...changeOf(change), record: undefined, cid: undefined };
}

/** Groups consecutive changes of different records. */
function* chunksOf(
  changes: readonly CheckedChange[],
): Generator<CheckedChange[]> {
  let chunk: CheckedChange[] = [];
  let names = new Set<string>();
  for (const change of changes) {
    const name = `${change.collection}/${change.rkey}`;
    if (chunk.length === TOGETHER || names.has(name)) {
      yield chunk;
      [chunk, names] = [[], new Set()];
    }
    chunk.push(change);
    names.add(name);
  }
  if (chunk.length > 0) yield chunk;
}
