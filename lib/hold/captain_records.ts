/**
 * Protects the records that only the captain of a hold may change: the captain
 * record and the captain's own crew record. A crew admin who could write them
 * could make the hold public or lock the captain out.
 *
 * @module
 */

import { z } from "zod";
import { type Did, didSchema } from "../did.ts";
import { AppError } from "../errors.ts";
import type { HoldAccess } from "./access.ts";
import { COLLECTIONS, crewRkey, type HoldRecords } from "./records.ts";

/** The relevant part of a write. */
export interface RecordWrite {
  readonly collection: string;
  /** Undefined when the repo generates one. */
  readonly rkey?: string | undefined;
  /** Undefined for a delete. */
  readonly value?: unknown;
}

export interface CaptainRecordsDeps {
  access: HoldAccess;
  records: HoldRecords;
}

const memberSchema = z.object({ member: didSchema });

/** Whether `write` changes a record of the captain `owner`, judging by the write alone. */
export function isCaptainsWrite(owner: Did, write: RecordWrite): boolean {
  const { collection, rkey, value } = write;
  if (collection === COLLECTIONS.captain) return true;
  return collection === COLLECTIONS.crew &&
    (rkey === crewRkey(owner) || memberOf(value) === owner);
}

/** Restricts writes of the captain's records to the captain. */
export class CaptainRecords {
  readonly #deps: CaptainRecordsDeps;

  constructor(deps: CaptainRecordsDeps) {
    this.#deps = deps;
  }

  /**
   * Throws AppError `DENIED` when one of `writes` changes a record of the
   * captain and `caller` is not the captain.
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

/** The member in a crew record, in the spelling of {@linkcode Did}. */
function memberOf(value: unknown): Did | undefined {
  return memberSchema.safeParse(value).data?.member;
}
