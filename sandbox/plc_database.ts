/**
 * The PLC directory's operations in a file. The reference server offers
 * PostgreSQL or memory; this is its memory with an append-only log behind it,
 * replayed at the start.
 *
 * @module
 */

import type { Database, PlcDatabase } from "@did-plc/server";
import { CID } from "multiformats/cid";
import { JsonLines } from "./files.ts";

type Memory = ReturnType<typeof Database.mock>;
type Operation = Parameters<PlcDatabase["validateAndAddOp"]>[1];
type StoredOperation = Memory["contents"][string][number];

/** One line of the log. */
interface LogLine {
  did: string;
  operation: StoredOperation["operation"];
  cid: string;
  /** ISO 8601. */
  createdAt: string;
  /** CIDs of the operations that this one nullifies (did:plc recovery). */
  nullified: string[];
}

/** Storage of the PLC server that survives restarts and crashes. */
export class PlcFileDatabase implements PlcDatabase {
  readonly #memory: Memory;
  readonly #log: JsonLines;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(memory: Memory, log: JsonLines) {
    this.#memory = memory;
    this.#log = log;
  }

  /**
   * Opens the log at `path` and replays it into `memory`, the empty in-memory
   * database of the reference server. Lines were validated when written and are
   * not validated again.
   */
  static async open(path: string, memory: Memory): Promise<PlcFileDatabase> {
    const { log, values } = await JsonLines.open(path);
    for (const value of values) replay(memory, value as LogLine);
    return new PlcFileDatabase(memory, log);
  }

  /**
   * Validates and adds an operation, one at a time; resolves once it is on
   * disk. Throws the reference server's errors, without any effect.
   */
  validateAndAddOp(did: string, operation: Operation): Promise<void> {
    const turn = this.#last.then(() => this.#add(did, operation));
    this.#last = turn.catch(() => {}); // the error goes to this caller, not to the next
    return turn;
  }

  async #add(did: string, operation: Operation): Promise<void> {
    const { contents } = this.#memory;
    const before = (contents[did] ?? []).map((stored) => ({ ...stored }));
    await this.#memory.validateAndAddOp(did, operation);
    const after = contents[did] ?? [];
    const added = after.at(-1);
    if (added === undefined) throw new Error(`No operation of ${did} was kept`);
    const line: LogLine = {
      did,
      operation: added.operation,
      cid: added.cid.toString(),
      createdAt: added.createdAt.toISOString(),
      nullified: after.filter((stored, i) =>
        stored.nullified && before[i]?.nullified === false
      ).map((stored) => stored.cid.toString()),
    };
    try {
      await this.#log.append(line);
    } catch (error) {
      contents[did] = before;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#last;
    this.#log[Symbol.dispose]();
  }

  healthCheck(): Promise<void> {
    return this.#memory.healthCheck();
  }

  opsForDid(did: string): ReturnType<PlcDatabase["opsForDid"]> {
    return this.#memory.opsForDid(did);
  }

  indexedOpsForDid(
    did: string,
    includeNullified?: boolean,
  ): ReturnType<PlcDatabase["indexedOpsForDid"]> {
    return this.#memory.indexedOpsForDid(did, includeNullified);
  }

  lastOpForDid(did: string): ReturnType<PlcDatabase["lastOpForDid"]> {
    return this.#memory.lastOpForDid(did);
  }

  exportOps(
    count: number,
    after?: Date,
  ): ReturnType<PlcDatabase["exportOps"]> {
    return this.#memory.exportOps(count, after);
  }
}

function replay(memory: Memory, line: LogLine): void {
  const stored = memory.contents[line.did] ??= [];
  for (const earlier of stored) {
    if (line.nullified.includes(earlier.cid.toString())) {
      earlier.nullified = true;
    }
  }
  stored.push({
    did: line.did,
    operation: line.operation,
    cid: CID.parse(line.cid),
    nullified: false,
    createdAt: new Date(line.createdAt),
  });
}
