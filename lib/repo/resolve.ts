/**
 * Resolves writes against the stored records.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Change } from "./commit_writer.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { BlobRow, RecordRow } from "./rows.ts";
import type { WriteResult } from "./types.ts";
import type { PreparedWrite } from "./writes.ts";

/**
 * Compares `writes` with the stored records.
 *
 * Throws AppError `CONFLICT` when a record to create exists or one to update
 * does not, and (`InvalidSwap`) when `swapRecord` does not match;
 * `INVALID_REQUEST` (`BlobNotFound`, `InvalidMimeType`, `InvalidSize`) when a
 * record refers to a blob that was not uploaded, unless `missingBlobs` allows
 * it.
 */
export async function resolveWrites(
  { kv, keys }: { kv: Kv; keys: RepoKeys },
  writes: readonly PreparedWrite[],
  { missingBlobs = false }: { missingBlobs?: boolean },
): Promise<{ changes: Change[]; results: WriteResult[] }> {
  const rows = await kv.getMany<RecordRow>(
    writes.map(({ collection, rkey }) => keys.record(collection, rkey)),
  );
  const changes: Change[] = [];
  const results = writes.map((write, i): WriteResult => {
    const before = rows[i]?.value;
    assertMayWrite(write, before);
    const { uri, record } = write;
    const at = record === undefined ? { uri } : { uri, cid: record.cid };
    if (record?.cid === before?.cid) return { action: "none", ...at };
    changes.push({ write, before });
    if (record === undefined) return { action: "delete", uri };
    return { action: before === undefined ? "create" : "update", ...at };
  });
  if (!missingBlobs) await assertBlobs(kv, keys, changes);
  return { changes, results };
}

function assertMayWrite(
  { action, path, swapRecord }: PreparedWrite,
  before: RecordRow | undefined,
): void {
  if (action === "create" && before !== undefined) {
    throw new AppError(
      "CONFLICT",
      `The record ${path} exists already; update it, or choose another key.`,
      { xrpc: "InvalidRequest" },
    );
  }
  if (action === "update" && before === undefined) {
    throw new AppError(
      "CONFLICT",
      `There is no record ${path} to update; create it.`,
      { xrpc: "InvalidRequest" },
    );
  }
  if (swapRecord !== undefined && swapRecord !== (before?.cid ?? null)) {
    throw new AppError(
      "CONFLICT",
      `The record ${path} is ${before?.cid ?? "not there"} and not ${
        swapRecord ?? "absent"
      }; read it again.`,
    );
  }
}

async function assertBlobs(
  kv: Kv,
  keys: RepoKeys,
  changes: readonly Change[],
): Promise<void> {
  const used = changes.flatMap(({ write }) =>
    write.blobs.map((blob) => ({ path: write.path, blob }))
  );
  const rows = await kv.getMany<BlobRow>(
    used.map(({ blob }) => keys.blob(blob.cid)),
  );
  for (const [i, { path, blob }] of used.entries()) {
    const row = rows[i]?.value;
    const refuse = (xrpc: string, what: string) => {
      throw new AppError(
        "INVALID_REQUEST",
        `The record ${path} refers to the blob ${blob.cid}, ${what}.`,
        { xrpc },
      );
    };
    if (row === undefined) {
      refuse("BlobNotFound", "which is not here; upload it first");
    } else if (row.mimeType !== blob.mimeType) {
      refuse("InvalidMimeType", `which is ${row.mimeType}`);
    } else if (row.size !== blob.size) {
      refuse("InvalidSize", `which has ${row.size} bytes`);
    }
  }
}
