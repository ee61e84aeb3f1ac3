/**
 * Reading, writing and flushing of files for the filesystem driver.
 *
 * @module
 */

import { BufferPool, own, release } from "../owned_bytes.ts";
import { storageFull, storageUnavailable } from "../storage_error.ts";
import { chunksOf, type Slice } from "../stream.ts";

/** Size of a read in bytes: larger reads are no faster, and each slow reader holds two buffers. */
const READ_SIZE = 512 * 1024;
/**
 * Size of a read for a slow reader in bytes, so that progress is visible and
 * little memory is held.
 */
const SLOW_READ_SIZE = 64 * 1024;
/** A reader that takes longer than this for one chunk is slow; milliseconds. */
const SLOW_MS = 250;
/**
 * With more open readers than this, reads are an eighth as large; with four
 * times as many, a sixteenth.
 */
const CROWD = 64;
/** Files that are being read. */
let reading = 0;
/** Buffers of large reads; 8 MB of them stay. */
const pool = new BufferPool(READ_SIZE, 16);

function readSize(tookMs: number): number {
  if (reading > 4 * CROWD) return READ_SIZE / 16;
  if (reading > CROWD || tookMs > SLOW_MS) return SLOW_READ_SIZE;
  return READ_SIZE;
}
/**
 * Size of a write in bytes, that of the blocks in which bodies arrive: each
 * write is handed to a thread. With a quarter of it, 100 MB take a third more
 * time in the threads. Where a virtual machine uses memory for the first time,
 * its host has to provide the pages, which costs more than any size saves.
 */
const WRITE_SIZE = 256 * 1024;
/** Bytes after which a background flush starts, so that the last flush is short. */
const FLUSH_EVERY = 8 * 1024 * 1024;

/** Where {@linkcode writeBody} writes and when it stops. */
export interface WriteOptions {
  /** First byte written. */
  offset: number;
  /** Whether to create a missing file; true by default. */
  create?: boolean;
  /** Called before the bytes `[offset, end)` are written; throws to reject them. */
  allow?: (end: number) => void;
  signal?: AbortSignal | undefined;
}

/**
 * Writes `body` into the file at `path` from `options.offset` on and returns
 * the number of bytes, which are flushed by then. One write runs while the next
 * chunk is received; at most these two chunks are held, and released once they
 * are written. When it throws, none of its writes is still running.
 */
export async function writeBody(
  path: string,
  body: ReadableStream<Uint8Array> | Uint8Array,
  options: WriteOptions,
): Promise<number> {
  const { offset, create = true, allow, signal } = options;
  using file = await Deno.open(path, { write: true, create });
  if (offset > 0) await file.seek(offset, Deno.SeekMode.Start);
  const flusher = new Flusher(path);
  let end = offset;
  let write = Promise.resolve();
  try {
    for await (const chunk of chunksOf(body, signal)) {
      await write;
      allow?.(end + chunk.length);
      write = writeAll(file, chunk).then(() => release(chunk));
      // Awaited with the next chunk; until then a failure is not unhandled.
      write.catch(() => {});
      end += chunk.length;
      flusher.wrote(chunk.length);
    }
    await write;
  } finally {
    await Promise.allSettled([write, flusher.stop()]);
  }
  await flusher.stop();
  await file.syncData();
  return end - offset;
}

/** Writes `bytes` into a new file at `path`, flushed when it resolves. For small objects. */
export async function writeBytes(
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  await writeAll(file, bytes);
  await file.syncData();
}

/** Writes all of `bytes`; a single system call may write fewer. */
async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let at = 0;
  while (at < bytes.length) {
    at += await file.write(bytes.subarray(at, at + WRITE_SIZE));
  }
}

/**
 * Flushes a growing file in the background, with its own file handle, because
 * operations on one handle block each other.
 */
class Flusher {
  readonly #path: string;
  #waiting = 0;
  #running = false;
  #flush = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Counts bytes and starts a flush when there are enough and none is running. */
  wrote(bytes: number): void {
    this.#waiting += bytes;
    if (this.#running || this.#waiting < FLUSH_EVERY) return;
    this.#waiting = 0;
    this.#running = true;
    this.#flush = this.#flush
      .then(() => syncData(this.#path))
      .finally(() => this.#running = false);
    // Awaited in stop(); until then a failure is not unhandled.
    this.#flush.catch(() => {});
  }

  /** Waits for the running flush; rejects when one has failed. */
  stop(): Promise<void> {
    return this.#flush;
  }
}

/** Flushes the bytes of a file to disk. */
export async function syncData(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  await file.syncData();
}

/** Flushes directory entries to disk, so that a rename survives a power cut. */
export async function syncFolders(paths: Iterable<string>): Promise<void> {
  // Windows has no such call; its file system journals directory entries.
  if (Deno.build.os === "windows") return;
  await Promise.all(Array.from(new Set(paths), async (path) => {
    // An entry of it changed just now, so that it is in memory.
    using folder = Deno.openSync(path);
    await folder.sync();
  }));
}

/**
 * A stream of `slice` of `file`, read as fast as it is consumed, in owned
 * chunks (`owned_bytes.ts`). The file is
 * closed at the end, on cancel, on abort and on error; when this call itself
 * throws, it is the caller's to close.
 */
export async function readBody(
  file: Deno.FsFile,
  slice: Slice,
  signal?: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  let left = slice.length;
  let open = true;
  let abort = () => {};
  /** When the last chunk was delivered. */
  let since = performance.now();
  const close = () => {
    if (open) {
      file.close();
      reading--;
    }
    open = false;
    signal?.removeEventListener("abort", abort);
  };
  signal?.throwIfAborted();
  if (slice.start > 0) await file.seek(slice.start, Deno.SeekMode.Start);
  reading++;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      abort = () => {
        close();
        controller.error(signal?.reason);
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener("abort", abort, { once: true });
      if (left > 0) return;
      close();
      controller.close();
    },
    async pull(controller) {
      try {
        const size = Math.min(left, readSize(performance.now() - since));
        const chunk = size === READ_SIZE
          ? pool.take()
          : own(new Uint8Array(size));
        const count = await file.read(chunk);
        if (!open) return;
        if (count === null) throw new Error("The file ended before its size.");
        since = performance.now();
        controller.enqueue(count < size ? chunk.slice(0, count) : chunk);
        left -= count;
        if (left > 0) return;
        close();
        controller.close();
      } catch (error) {
        // A read that ends after a cancel or abort has no consumer.
        if (!open) return;
        close();
        throw error;
      }
    },
    cancel: close,
  });
}

/** Whether `error` means that a file or folder does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.NotADirectory;
}

/** System error codes for a full disk, an exceeded quota or a file size limit. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** System error codes for a disk that needs the operator's attention. */
const UNUSABLE = new Set(["EROFS", "EACCES", "EPERM", "EIO"]);

/**
 * Converts `error`: AppError `STORAGE_FULL` when the disk is full,
 * `UNAVAILABLE` when it cannot be used, else `error` itself.
 */
function fileError(error: unknown): unknown {
  const code = error instanceof Error && "code" in error ? error.code : "";
  if (!(error instanceof Error) || typeof code !== "string") return error;
  if (FULL.has(code)) return storageFull(error.message, { cause: error });
  return UNUSABLE.has(code)
    ? storageUnavailable(
      `The disk of the storage refuses a call (${error.message}); fix it or its permissions.`,
      { cause: error },
    )
    : error;
}

/** Runs `work`; throws AppError `STORAGE_FULL` when the disk is full, `UNAVAILABLE` when it cannot be used. */
export async function orFull<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error);
  }
}

/** Returns the result of `work`, or undefined when a file it needs does not exist. */
export async function orMissing<T>(
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
