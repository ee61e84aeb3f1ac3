/**
 * Imports the records of a CAR into the repo, for a restore or a move.
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

/** Target of an import; implemented by `Repo`. */
export interface ImportTarget {
  /** Throws AppError when the repo would refuse `write` as invalid. */
  assertWrite(write: RepoWrite): Promise<void>;
  applyAll(
    writes: readonly RepoWrite[],
    options: { missingBlobs: boolean },
  ): Promise<ApplyResult[]>;
}

/** Result of an import. */
export interface ImportResult {
  /** Records present now, including those that existed before. */
  readonly records: number;
  /** Records that the repo refused, with the reason; lists at most 1,000. */
  readonly refused: readonly { path: string; reason: string }[];
  /** Records left unchanged, with the reason; lists at most 1,000. */
  readonly kept: readonly { path: string; reason: string }[];
}

/** Options of an import. */
export interface ImportOptions {
  /**
   * Returns why the record that `write` would put must be left unchanged, or
   * undefined when it may be put.
   */
  readonly keep?: (write: RepoWrite) => string | undefined;
}

const MAX_REFUSED = 1000;

/**
 * Puts every record of `car` into the repo, in commits of at most 200 writes;
 * other records stay. The CAR's signature is not checked, because the records
 * are signed again. Streams with constant memory when the CAR is in tree order,
 * as our exports are.
 *
 * Throws AppError `INVALID_REQUEST` when `car` is not the CAR of a repo, is
 * damaged or lacks blocks; records read before that stay. An import can be
 * repeated.
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

/** Verifies every block against its CID; the reader does not. */
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

/** Formats the library's errors as sentences. */
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
