/**
 * The records that only the captain of a hold may change: the captain record
 * and the captain's own crew record. An admin of the crew who could write them
 * could open the hold to everybody or lock its captain out.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { HoldAccess } from "./access.ts";
import { COLLECTIONS, crewRkey, type HoldRecords } from "./records.ts";

/** The part of a write that says which record it changes, and to what. */
export interface RecordWrite {
  readonly collection: string;
  /** Undefined when the repo chooses one. */
  readonly rkey?: string | undefined;
  /** Undefined for a delete. */
  readonly value?: unknown;
}

export interface CaptainRecordsDeps {
  access: HoldAccess;
  records: HoldRecords;
}

/** Whether `write` changes a record that belongs to the captain `owner`, as far as the write itself shows. */
export function isCaptainsWrite(owner: Did, write: RecordWrite): boolean {
  const { collection, rkey, value } = write;
  if (collection === COLLECTIONS.captain) return true;
  return collection === COLLECTIONS.crew &&
    (rkey === crewRkey(owner) || memberOf(value) === owner);
}

/** Keeps the captain's records for the captain. */
export class CaptainRecords {
  readonly #deps: CaptainRecordsDeps;

  constructor(deps: CaptainRecordsDeps) {
    this.#deps = deps;
  }

  /**
   * Throws AppError `DENIED` when one of `writes` changes a record of the
   * captain and `caller` is somebody else.
   */
  async require(caller: Did, writes: readonly RecordWrite[]): Promise<void> {
    const owner = (await this.#deps.access.captain())?.owner;
    if (owner === undefined || owner === caller) return;
    for (const write of writes) {
      if (
        isCaptainsWrite(owner, write) || await this.#replaces(owner, write)
      ) {
        throw new AppError(
          "DENIED",
          `${write.collection}/${
            write.rkey ?? "…"
          } belongs to the captain ${owner}; only the captain may change it.`,
        );
      }
    }
  }

  /** Whether `write` changes a crew record of the captain under another key than ours. */
  async #replaces(owner: Did, write: RecordWrite): Promise<boolean> {
    const { collection, rkey } = write;
    if (collection !== COLLECTIONS.crew || rkey === undefined) return false;
    const present = await this.#deps.records.getRecord(collection, rkey);
    return memberOf(present?.value) === owner;
  }
}

function memberOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "member" in value
    ? value.member
    : undefined;
}
