/**
 * Uploads in progress of the filesystem driver. Each has a folder with
 * `upload.json` (what it is), `data` (bytes written at their offsets) and one
 * file for every part.
 *
 * @module
 */

import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { Multipart, ObjectHeaders, Part } from "../blob_store.ts";
import { isMissing, syncData, writeBody } from "./filesystem_io.ts";
import {
  copyInto,
  PartWriters,
  readParts,
  type StoredPart,
  writePart,
} from "./filesystem_parts.ts";
import type { FileTree } from "./filesystem_tree.ts";
import {
  assertOffset,
  assertPartNumber,
  misplacedPart,
  orderedParts,
  otherPart,
  unknownUpload,
} from "../part_list.ts";

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Age in milliseconds after which a file, or a folder without a readable
 * `upload.json`, counts as left over from a crash.
 */
const RUIN_AGE = 60 * 60 * 1000;

/** Schema of headers in the driver's files. */
export const headersSchema = z.object({
  contentType: z.string().exactOptional(),
  cacheControl: z.string().exactOptional(),
});

const uploadSchema = z.object({
  key: z.string(),
  startedAt: z.number(),
  headers: headersSchema,
});
type UploadFile = z.infer<typeof uploadSchema>;

/** Uploads in progress in the staging folder of a tree. */
export class FileUploads {
  readonly #tree: FileTree;
  readonly #clock: Clock;
  readonly #writers = new PartWriters();
  /**
   * Cache of uploads started here, which saves reading their files. A deleted
   * upload fails when it is used.
   */
  readonly #begun = new LRUCache<string, UploadFile>({ max: 1_000 });

  constructor(tree: FileTree, clock: Clock) {
    this.#tree = tree;
    this.#clock = clock;
  }

  async create(key: string, headers: ObjectHeaders): Promise<Multipart> {
    await this.#tree.path(key);
    const upload = { key, id: crypto.randomUUID() };
    const folder = await this.#folder(upload);
    await Deno.mkdir(folder);
    const file: UploadFile = { key, headers, startedAt: this.#clock.now() };
    await Deno.writeTextFile(join(folder, "upload.json"), JSON.stringify(file));
    this.#begun.set(upload.id, file);
    return upload;
  }

  /** Writes a part; its bytes are flushed when it resolves. */
  putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options: { offset?: number; signal?: AbortSignal },
  ): Promise<Part> {
    const { offset } = options;
    assertPartNumber(partNumber);
    assertOffset(offset);
    return this.#writers.write(
      upload.id,
      partNumber,
      options.signal,
      (signal) =>
        this.#known(upload, async () => {
          await this.#load(upload);
          const folder = await this.#folder(upload);
          return await writePart(folder, partNumber, body, { offset, signal });
        }),
    );
  }

  async list(upload: Multipart): Promise<Part[]> {
    await this.#load(upload);
    const parts = await this.#parts(upload);
    return parts.map(({ partNumber, etag, size }) => ({
      partNumber,
      etag,
      size,
    }));
  }

  /**
   * Joins the parts into one file, passes its path to `publish`, which renames
   * it, and deletes the upload. No writer is running when `publish` runs.
   */
  complete<T>(
    upload: Multipart,
    parts: readonly Part[],
    publish: (path: string, headers: ObjectHeaders) => Promise<T>,
  ): Promise<T> {
    const wanted = orderedParts(parts);
    return this.#writers.close(upload.id, async () => {
      const { headers } = await this.#load(upload);
      const result = await this.#known(upload, async () => {
        const path = await this.#join(upload, wanted);
        return await publish(path, headers);
      });
      await this.#drop(upload);
      return result;
    });
  }

  /** Deletes the upload and its parts; does nothing when it is gone. */
  abort(upload: Multipart): Promise<void> {
    return this.#writers.close(upload.id, async () => {
      if (ID.test(upload.id)) await this.#drop(upload);
    });
  }

  /** Lists uploads in progress whose key begins with `prefix`; removes leftovers of crashes. */
  async *all(
    prefix: string,
  ): AsyncGenerator<{ upload: Multipart; startedAt: number }, void, void> {
    const staging = await this.#tree.staging();
    for await (const entry of Deno.readDir(staging)) {
      const path = join(staging, entry.name);
      // Files beside the uploads' folders are objects about to be renamed.
      if (entry.isFile) await this.#clearRuin(path, () => Deno.remove(path));
      if (!ID.test(entry.name)) continue;
      const file = await this.#read(entry.name);
      const upload = { id: entry.name, key: file?.key ?? "" };
      if (file === undefined) {
        await this.#clearRuin(path, () => this.#drop(upload));
      } else if (file.key.startsWith(prefix)) {
        yield { upload, startedAt: file.startedAt };
      }
    }
  }

  async #join(upload: Multipart, wanted: readonly Part[]): Promise<string> {
    const stored = new Map(
      (await this.#parts(upload)).map((part) => [part.etag, part]),
    );
    const data = join(await this.#folder(upload), "data");
    let total = 0;
    for (const { partNumber, etag } of wanted) {
      const part = stored.get(etag);
      if (part?.partNumber !== partNumber) throw otherPart(partNumber);
      if (part.offset === undefined) {
        if (wanted.length === 1) return part.path;
        await copyInto(data, total, part);
      } else if (part.offset !== total) {
        throw misplacedPart(partNumber, part.offset, total);
      }
      total += part.size;
    }
    if (wanted.length === 0) {
      await writeBody(data, new Uint8Array(), { offset: 0 });
    }
    // Bytes of an interrupted part may follow the acknowledged ones.
    const { size } = await Deno.stat(data);
    if (size < total) throw otherPart(wanted.length);
    if (size > total) await Deno.truncate(data, total);
    // The bytes of the parts are already flushed; the length may not be.
    if (size > total) await syncData(data);
    return data;
  }

  async #parts(upload: Multipart): Promise<StoredPart[]> {
    const folder = await this.#folder(upload);
    return await this.#known(upload, () => readParts(folder));
  }

  /** Loads the upload. Throws `BLOB_UPLOAD_UNKNOWN` when it is gone. */
  async #load(upload: Multipart): Promise<UploadFile> {
    const file = this.#begun.get(upload.id) ?? await this.#read(upload.id);
    if (file?.key !== upload.key) throw unknownUpload(upload);
    return file;
  }

  async #read(id: string): Promise<UploadFile | undefined> {
    if (!ID.test(id)) return undefined;
    const path = join(await this.#tree.staging(), id, "upload.json");
    try {
      return uploadSchema.parse(JSON.parse(await Deno.readTextFile(path)));
    } catch (error) {
      // A power cut may leave the file empty; then the upload is lost.
      const lost = error instanceof SyntaxError || error instanceof z.ZodError;
      if (lost || isMissing(error)) return undefined;
      throw error;
    }
  }

  async #folder(upload: Multipart): Promise<string> {
    if (!ID.test(upload.id)) throw unknownUpload(upload);
    return join(await this.#tree.staging(), upload.id);
  }

  /** Runs `work`; if the folder disappears meanwhile, the upload was completed or aborted. */
  async #known<T>(upload: Multipart, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw isMissing(error) ? unknownUpload(upload, error) : error;
    }
  }

  async #drop(upload: Multipart): Promise<void> {
    this.#begun.delete(upload.id);
    try {
      await Deno.remove(await this.#folder(upload), { recursive: true });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async #clearRuin(path: string, remove: () => Promise<void>): Promise<void> {
    try {
      const { mtime } = await Deno.stat(path);
      const age = this.#clock.now() - (mtime?.getTime() ?? 0);
      if (age > RUIN_AGE) await remove();
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
