/**
 * Turns the staged bytes of an upload into a verified blob.
 *
 * @module
 */

import type { PartMemory } from "../../async/part_memory.ts";
import { isAppError } from "../../errors.ts";
import type {
  BlobLink,
  PartRef,
  UploadRef,
} from "../../hold_api/hold_client.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestParts } from "../../oci/digest.ts";
import type { BlobStore, Multipart } from "../../storage/blob_store.ts";
import type { StorageKeys } from "../../storage/object_keys.ts";
import { wrongSize } from "../../storage/part_list.ts";
import { type BlobCounter, withLink } from "../blobs/blob_counter.ts";
import type { BlobRows } from "../blobs/blob_rows.ts";
import type { QuotaRooms } from "../quota/rooms.ts";
import { digestOfObject, StagedObjects } from "./staged_object.ts";
import { droppedKeys } from "./tails.ts";
import { missingParts, unknownUpload, wrongDigest } from "./upload_errors.ts";
import type { LiveHashes, RunningHash } from "./body_reader.ts";
import type { UploadRow } from "./upload_row.ts";
import type { UploadWork } from "./upload_work.ts";

export interface UploadCompletionDeps {
  store: BlobStore;
  keys: StorageKeys;
  rows: BlobRows;
  quota: QuotaRooms;
  work: UploadWork;
  hashes: LiveHashes;
  log: Logger;
  memory: Pick<PartMemory, "reserve">;
}

/** Permanent errors: the bytes can never become the blob. */
const FINAL = ["DIGEST_INVALID", "TOO_LARGE", "QUOTA_EXCEEDED"] as const;

/** Options of {@linkcode UploadCompletion.complete}. */
export interface CompletionOptions {
  /** The parts to use, for uploads by part; all by default. */
  readonly parts?: readonly PartRef[];
  /** Rows for the commit that makes the blob readable. */
  readonly link?: BlobLink;
}

/** Facts about the bytes of an upload. */
interface Known {
  /** The parts to use, for uploads by part; all by default. */
  readonly parts: readonly PartRef[] | undefined;
  /** Over all bytes. */
  readonly hash: RunningHash | undefined;
  /** Charges the blob. */
  readonly counter: BlobCounter;
  /** Throws or rejects when a blob of this size must not be stored. */
  readonly limit: (bytes: number) => Promise<void> | undefined;
}

/** A blob that is readable. */
interface Published {
  readonly size: number;
  /** Deletes what is left of the upload. */
  readonly tidy: () => Promise<void>;
}

/** Completes and aborts uploads. */
export class UploadCompletion {
  readonly #deps: UploadCompletionDeps;
  readonly #staged: StagedObjects;

  constructor(deps: UploadCompletionDeps) {
    this.#deps = deps;
    this.#staged = new StagedObjects(deps);
  }

  /**
   * Completes an upload and returns the blob's size; see
   * `HoldUploads.finish`.
   */
  async complete(
    upload: string | UploadRef,
    digest: Digest,
    { parts, link }: CompletionOptions = {},
  ): Promise<number> {
    const { work, hashes } = this.#deps;
    return await work.locked(upload, async (lock) => {
      const { row } = lock;
      const hash = row.mode === "parts" ? undefined : hashes.of(row);
      const { id: uploadId, caller } = row;
      try {
        return await work.within({ uploadId, caller, digest }, async (room) => {
          const limit = (bytes: number) => work.need(room, bytes);
          const counter = withLink(room, link);
          const { size, tidy } = await work.renewing(
            { lock, room },
            () => this.#publish(row, digest, { parts, hash, counter, limit }),
          );
          hashes.forget(row);
          const done = { digest, size };
          await lock.release({ multipart: undefined, tail: undefined, done });
          // Not before: until then another attempt may need the bytes.
          await this.#tidy(row, tidy);
          return size;
        }, "keep");
      } catch (error) {
        if (isAppError(error, ...FINAL)) {
          await lock.remove();
          await this.drop(row);
        }
        throw error;
      }
    });
  }

  /** Deletes everything of an upload except its row. */
  async drop(row: UploadRow): Promise<void> {
    const { hashes, quota } = this.#deps;
    hashes.forget(row);
    await this.#discardQuietly(row);
    await quota.release(row.caller, row.id);
  }

  /**
   * Verifies the bytes, moves them to the blob's key and makes the blob
   * readable. Without a `hash` over all bytes they are read
   * again. Throws AppError `DIGEST_INVALID` when the bytes have another digest,
   * `BLOB_UPLOAD_INVALID` when parts are missing, and the errors of `limit` and
   * the store.
   */
  async #publish(
    row: UploadRow,
    digest: Digest,
    known: Known,
  ): Promise<Published> {
    const { parts, hash, limit } = known;
    if (row.mode !== "parts" && parts !== undefined && parts.length > 0) {
      throw missingParts("None of the parts was uploaded.");
    }
    if (row.mode !== "parts") await limit(row.offset);
    const { algorithm } = digestParts(digest);
    const streamed = hash?.algorithm === algorithm ? hash.digest() : undefined;
    if (streamed !== undefined) requireDigest(streamed, digest);
    try {
      return await this.#place(row, digest, known, streamed);
    } catch (error) {
      // The store's response may have been lost after it moved the bytes.
      if (!isAppError(error, "BLOB_UPLOAD_UNKNOWN", "BLOB_UNKNOWN")) {
        throw error;
      }
      return await this.#placedBefore(row, digest, known, streamed);
    }
  }

  async #place(
    row: UploadRow,
    digest: Digest,
    { parts, limit, counter }: Known,
    streamed: Digest | undefined,
  ): Promise<Published> {
    const { store, keys, rows } = this.#deps;
    if (streamed !== undefined && row.multipart) {
      return await this.#join(row, row.multipart, digest, counter);
    }
    const object = await this.#staged.assemble(row, parts);
    // The size of parts sent directly to the store is not limited.
    await limit(object.size);
    if (streamed === undefined) {
      const { algorithm } = digestParts(digest);
      requireDigest(await digestOfObject(store, object.key, algorithm), digest);
    }
    let moved = false;
    await rows.publish(digest, object.size, row.startedAt, async () => {
      await store.move(object.key, keys.blob(digest), object.size);
      moved = true;
    }, counter);
    const tidy = async () => {
      if (!moved) await store.delete(object.key);
      await this.#dropTail(row, object.key);
    };
    return { size: object.size, tidy };
  }

  /** Joins verified bytes directly at the blob's key. */
  async #join(
    row: UploadRow,
    multipart: Multipart,
    digest: Digest,
    counter: BlobCounter,
  ): Promise<Published> {
    const { store, keys, rows } = this.#deps;
    let joined = false;
    await rows.publish(digest, row.offset, row.startedAt, async () => {
      const parts = await this.#staged.streamedParts(row, multipart);
      const key = keys.blob(digest);
      const { size } = await store.completeMultipart(multipart, parts, key);
      joined = true;
      if (size !== row.offset) throw wrongSize(row.offset, size);
    }, counter);
    const tidy = () => joined ? this.#dropTail(row) : this.discard(row);
    return { size: row.offset, tidy };
  }

  /** Verifies an object that was stored before, and makes it readable. */
  async #placedBefore(
    row: UploadRow,
    digest: Digest,
    { counter, limit }: Known,
    streamed: Digest | undefined,
  ): Promise<Published> {
    const { store, keys, rows } = this.#deps;
    // A crash may have left it joined under the upload's own key.
    const staged = keys.upload(row.id);
    const place = keys.blob(digest);
    const joined = await store.head(staged);
    const isOwn = joined || streamed !== undefined ||
      await this.#isPlacedSince(row, digest);
    const info = joined ?? (isOwn ? await store.head(place) : undefined);
    if (!info) throw unknownUpload();
    const key = joined ? staged : place;
    await limit(info.size);
    const { algorithm } = digestParts(digest);
    requireDigest(await digestOfObject(store, key, algorithm), digest);
    await rows.publish(digest, info.size, row.startedAt, async () => {
      if (joined) await store.move(staged, place, info.size);
    }, counter);
    return { size: info.size, tidy: () => this.#dropTail(row) };
  }

  /** Whether the blob may be of this upload: nobody gets a blob by its digest that was there before. */
  async #isPlacedSince(
    { startedAt }: UploadRow,
    digest: Digest,
  ): Promise<boolean> {
    const blob = await this.#deps.rows.find(digest);
    return blob === undefined || blob.verifiedAt >= startedAt;
  }

  /** Like {@linkcode discard}; failures are logged and left to the sweep. */
  async #discardQuietly(row: UploadRow): Promise<void> {
    await this.#tidy(row, () => this.discard(row));
  }

  /** The result of an upload does not depend on the cleanup after it. */
  async #tidy(row: UploadRow, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { log } = this.#deps;
      log.warn("upload leftover stays until the sweep", {
        uploadId: row.id,
        error,
      });
    }
  }

  /** Deletes all bytes of an upload from the store. */
  async discard(row: UploadRow): Promise<void> {
    const { store, keys } = this.#deps;
    if (row.multipart) await store.abortMultipart(row.multipart);
    // An earlier attempt to complete may have joined the parts, or the tail.
    if (row.multipart || row.tail?.before) {
      await store.delete(keys.upload(row.id));
    }
    await this.#dropTail(row);
  }

  async #dropTail({ tail }: UploadRow, except?: string): Promise<void> {
    for (const key of tail ? droppedKeys(tail) : []) {
      if (key !== except) await this.#deps.store.delete(key);
    }
  }
}

function requireDigest(actual: Digest, wanted: Digest): void {
  if (actual !== wanted) throw wrongDigest(actual, wanted);
}
