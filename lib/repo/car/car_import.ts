/**
 * Taking the records of a CAR into the repo, for a restore or a move.
 *
 * @module
 */

import { fromStream as readCar, writeCarStream } from "@atcute/car";
import { toString } from "@atcute/cid";
import { fromStream } from "@atcute/repo";
import { MAX_WRITES } from "../../atproto/pds/pds.ts";
import { AppError } from "../../errors.ts";
import { cidOfBlock } from "../cid.ts";
import { decodeRecord } from "../record_data.ts";
import type { ApplyResult } from "../types.ts";
import type { RepoWrite } from "../writes.ts";

/** Where records are taken to; a `Repo` is one. */
export interface ImportTarget {
  /** Throws AppError when the repo would refuse `write` for its form. */
  assertWrite(write: RepoWrite): Promise<void>;
  applyAll(
    writes: readonly RepoWrite[],
    options: { missingBlobs: boolean },
  ): Promise<ApplyResult[]>;
}

/** What an import did. */
export interface ImportResult {
  /** Records that are now here, those included that were already. */
  readonly records: number;
  /** Records that the repo does not take, with the reason; at most 1,000 are told. */
  readonly refused: readonly { path: string; reason: string }[];
  /** Records left as they are here, with the reason; at most 1,000 are told. */
  readonly kept: readonly { path: string; reason: string }[];
}

/** How an import is done. */
export interface ImportOptions {
  /** Why the record that `write` would put must stay as it is here; undefined when it may be put. */
  readonly keep?: (write: RepoWrite) => string | undefined;
}

const MAX_REFUSED = 1000;

/**
 * Puts every record of the CAR `car` into the repo, in commits of at most 200;
 * what else is in the repo stays. The CAR's own signature does not matter,
 * because the records are signed anew. Read as it comes, so memory stays
 * flat when the CAR is in tree order, as our exports are.
 *
 * Throws AppError `INVALID_REQUEST` when `car` is no CAR of a repo, is damaged
 * or lacks blocks; what was read before stays. An import can be repeated.
 */
export async function importCar(
  target: ImportTarget,
  car: ReadableStream<Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportResult> {
  const refused: { path: string; reason: string }[] = [];
  const kept: { path: string; reason: string }[] = [];
  let records = 0;
  let batch: RepoWrite[] = [];
  const flush = async () => {
    await target.applyAll(batch, { missingBlobs: true });
    records += batch.length;
    batch = [];
  };
  await using reader = fromStream(ReadableStream.from(checkedCar(car)));
  const entries = reader[Symbol.asyncIterator]();
  for (;;) {
    const next = await readable(entries.next());
    if (next.done) break;
    const { collection, rkey, bytes } = next.value;
    try {
      const value = decodeRecord(bytes);
      const write: RepoWrite = { action: "put", collection, rkey, value };
      await target.assertWrite(write);
      const reason = options.keep?.(write);
      if (reason === undefined) batch.push(write);
      else if (kept.length < MAX_REFUSED) {
        kept.push({ path: `${collection}/${rkey}`, reason });
      }
    } catch (error) {
      if (refused.length < MAX_REFUSED) {
        const reason = error instanceof Error ? error.message : String(error);
        refused.push({ path: `${collection}/${rkey}`, reason });
      }
    }
    if (batch.length === MAX_WRITES) await flush();
  }
  if (batch.length > 0) await flush();
  const missing = reader.missingBlocks.length;
  if (missing > 0) {
    throw new AppError(
      "INVALID_REQUEST",
      `The CAR lacks ${missing} blocks of its tree; ${records} records were taken.`,
    );
  }
  return { records, refused, kept };
}

/** The same CAR, once every block is what its CID says; the reader believes the CIDs. */
async function* checkedCar(
  car: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  await using blocks = readCar(car);
  const checked = async function* () {
    for await (const { cid, bytes } of blocks) {
      if (cidOfBlock(bytes) !== toString(cid)) {
        throw new Error(`a block is not what its CID ${toString(cid)} says`);
      }
      yield { cid: cid.bytes, data: bytes };
    }
  };
  yield* writeCarStream(await blocks.roots(), checked());
}

/** The library's complaints in a sentence for people. */
async function readable<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (error) {
    throw new AppError(
      "INVALID_REQUEST",
      "The file is not a CAR of a repo, or it is damaged; export it again.",
      { cause: error },
    );
  }
}
