/**
 * Filesystem driver: objects as files in one folder. An acknowledged object is
 * durable: its bytes and its directory entries are flushed. The bytes of a part
 * are, too; a power cut may lose the part's entry, which completion detects.
 * Processes that share the folder must not write to one upload concurrently;
 * within a process the driver prevents it.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { type Clock, systemClock } from "../../clock.ts";
import type {
  BlobStore,
  ByteRange,
  Multipart,
  ObjectHeaders,
  ObjectInfo,
  Part,
  PartLimits,
} from "../blob_store.ts";
import {
  orFull,
  orMissing,
  readBody,
  syncData,
  writeBytes,
} from "./filesystem_io.ts";
import { FileTree, reason } from "./filesystem_tree.ts";
import { FileUploads, headersSchema } from "./filesystem_uploads.ts";
import { assertPrefix } from "../object_keys.ts";
import { MAX_PARTS, nothingToMove, requireSize } from "../part_list.ts";
import { storageUnavailable } from "../storage_error.ts";
import { sliceOf } from "../stream.ts";

/** Options of {@linkcode FilesystemBlobStore}. */
export interface FilesystemOptions {
  /** Root folder; created on first use. */
  folder: string;
  clock?: Clock;
}

/** A {@linkcode BlobStore} on a local disk; throws AppError `STORAGE_FULL` when it is full. */
export class FilesystemBlobStore implements BlobStore {
  readonly driver = "filesystem";
  readonly parts: PartLimits = { minBytes: 1, maxParts: MAX_PARTS };
  readonly positional: boolean = true;
  readonly #tree: FileTree;
  readonly #uploads: FileUploads;

  constructor({ folder, clock = systemClock }: FilesystemOptions) {
    this.#tree = new FileTree(folder);
    this.#uploads = new FileUploads(this.#tree, clock);
  }

  /** Writes and removes a small file. */
  async check(): Promise<void> {
    const root = await this.#tree.root();
    const path = join(
      await this.#tree.staging(),
      `check.${crypto.randomUUID()}`,
    );
    try {
      await Deno.writeFile(path, new TextEncoder().encode("check"));
      await Deno.remove(path);
    } catch (error) {
      throw storageUnavailable(
        `The storage folder ${root} takes no file (${reason(error)}); ` +
          "free space there or make it writable for this program.",
        { cause: error },
      );
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const path = await this.#tree.existing(key);
    if (path === undefined) return undefined;
    const stat = await orMissing(() => Deno.stat(path));
    return stat?.isFile ? await infoOf(path, stat) : undefined;
  }

  /** Links are not followed: they are not objects. */
  async localSize(key: string): Promise<number | undefined> {
    const path = await this.#tree.path(key);
    // Not on another thread: handing over takes ten times the processor time
    // of the look itself, and the folder is on a local disk.
    const stat = await orMissing(() => Promise.resolve(Deno.lstatSync(path)));
    return stat?.isFile ? stat.size : undefined;
  }

  async get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
    { bare }: { bare: boolean } = { bare: false },
  ): Promise<
    { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
  > {
    const path = await this.#tree.existing(key);
    if (path === undefined) return undefined;
    const file = await orMissing(() => Deno.open(path));
    if (file === undefined) return undefined;
    let body: ReadableStream<Uint8Array> | undefined;
    try {
      const stat = await file.stat();
      if (!stat.isFile) return undefined;
      const info = bare ? plainInfo(stat) : await infoOf(path, stat);
      body = await readBody(file, sliceOf(info.size, range), signal);
      return { info, body };
    } finally {
      if (body === undefined) file.close();
    }
  }

  async put(
    key: string,
    bytes: Uint8Array,
    headers: ObjectHeaders = {},
  ): Promise<ObjectInfo> {
    const target = await this.#tree.path(key);
    const path = join(
      await this.#tree.staging(),
      `put.${crypto.randomUUID()}`,
    );
    return await orFull(async () => {
      try {
        await writeBytes(path, bytes);
        return await this.#place(path, target, headers);
      } catch (error) {
        // The sweep removes what cannot be removed now.
        await Deno.remove(path).catch(() => {});
        throw error;
      }
    });
  }

  async delete(key: string): Promise<void> {
    const path = await this.#tree.path(key);
    if (await this.head(key) === undefined) return;
    await orMissing(() => Deno.remove(path));
    await orMissing(() => Deno.remove(sidecar(path)));
    await this.#tree.prune(path);
  }

  async move(from: string, to: string, size?: number): Promise<void> {
    const source = await this.#tree.path(from);
    const target = await this.#tree.path(to);
    const info = await this.head(from);
    if (info === undefined) throw nothingToMove(from);
    requireSize(size, info.size);
    if (source === target) return;
    const headers = await readHeaders(source) && sidecar(source);
    await orFull(() => this.#publish(source, target, headers));
    await this.#tree.prune(source);
  }

  /** Content type and cache control are not needed here. */
  async *list(
    prefix: string,
  ): AsyncGenerator<{ key: string; info: ObjectInfo }, void, void> {
    assertPrefix(prefix);
    for await (const key of this.#tree.keys(prefix)) {
      const path = await this.#tree.path(key);
      const stat = await orMissing(() => Deno.stat(path));
      if (stat?.isFile) yield { key, info: plainInfo(stat) };
    }
  }

  createMultipart(key: string, headers?: ObjectHeaders): Promise<Multipart> {
    return orFull(() => this.#uploads.create(key, headers ?? {}));
  }

  putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): Promise<Part> {
    return orFull(() =>
      this.#uploads.putPart(upload, partNumber, body, options)
    );
  }

  listParts(upload: Multipart): Promise<Part[]> {
    return this.#uploads.list(upload);
  }

  completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key = upload.key,
  ): Promise<ObjectInfo> {
    return orFull(() =>
      this.#uploads.complete(upload, parts, async (path, headers) => {
        const target = await this.#tree.path(key);
        return await this.#place(path, target, headers);
      })
    );
  }

  abortMultipart(upload: Multipart): Promise<void> {
    return this.#uploads.abort(upload);
  }

  listMultiparts(
    prefix: string,
  ): AsyncGenerator<{ upload: Multipart; startedAt: number }, void, void> {
    assertPrefix(prefix);
    return this.#uploads.all(prefix);
  }

  /** Moves a finished file to its path, with its headers. */
  async #place(
    path: string,
    target: string,
    headers: ObjectHeaders,
  ): Promise<ObjectInfo> {
    let draft: string | undefined;
    if (Object.keys(headers).length > 0) {
      draft = `${path}.headers`;
      await Deno.writeTextFile(draft, JSON.stringify(headers));
      await syncData(draft);
    }
    await this.#publish(path, target, draft);
    // In memory: it was written just now.
    return { ...plainInfo(Deno.statSync(target)), ...headersOf(headers) };
  }

  /** Renames a finished file to its path, and writes its headers beside it. */
  async #publish(
    path: string,
    target: string,
    headers: string | undefined,
  ): Promise<void> {
    const kept = sidecar(target);
    if (headers === undefined) {
      await this.#tree.rename(path, target, kept);
    } else {
      await this.#tree.rename(headers, kept);
      await this.#tree.rename(path, target);
    }
  }
}

/** Path of the file with an object's headers; no key begins with a dot. */
function sidecar(path: string): string {
  return join(dirname(path), `.${basename(path)}.headers`);
}

/** Headers of the object at `path`, undefined when it has none. */
async function readHeaders(
  path: string,
): Promise<ObjectHeaders | undefined> {
  const text = await orMissing(() => Deno.readTextFile(sidecar(path)));
  if (text === undefined) return undefined;
  try {
    return headersSchema.parse(JSON.parse(text));
  } catch {
    // The file is damaged: serve the object without headers; callers that need
    // one see that it is missing.
    return {};
  }
}

/** What is known of the object at `path`, with its headers. */
async function infoOf(
  path: string,
  stat: Deno.FileInfo,
): Promise<ObjectInfo> {
  return { ...plainInfo(stat), ...headersOf(await readHeaders(path) ?? {}) };
}

/** Headers as parts of what is known of an object. */
function headersOf(headers: ObjectHeaders) {
  const { contentType, cacheControl } = headers;
  return { contentType, cacheControl };
}

/** What a file says without its headers. The ETag changes with every write, because that creates a new file, but not with a move. */
function plainInfo(stat: Deno.FileInfo): ObjectInfo {
  const modifiedAt = stat.mtime?.getTime() ?? 0;
  const etag = [stat.size, modifiedAt, stat.ino ?? 0]
    .map((number) => number.toString(16)).join("-");
  return {
    size: stat.size,
    etag,
    modifiedAt,
    contentType: undefined,
    cacheControl: undefined,
  };
}
