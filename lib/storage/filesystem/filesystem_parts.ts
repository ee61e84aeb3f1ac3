/**
 * Parts of an upload: their files and their writers. The file name describes
 * the part: `<number>.<offset or "own">.<size>.<etag>`. The file of a part that
 * was written at its offset into `data` is empty; an `own` one holds the bytes.
 *
 * @module
 */

import { join } from "node:path";
import type { Part } from "../blob_store.ts";
import { readBody, writeBody } from "./filesystem_io.ts";
import { AppError } from "../../errors.ts";
import { overlappingPart } from "../part_list.ts";

const PART_FILE = /^(\d{1,5})\.(own|\d{1,16})\.(\d{1,16})\.([0-9a-f]{16})$/;

/** A stored part. */
export interface StoredPart extends Part {
  /** Offset in `data`; undefined for a part with its own file. */
  readonly offset: number | undefined;
  /** Path of the part's file. */
  readonly path: string;
}

/** Name of a part's file; without `offset` for a part with its own file. */
function partFileName(part: Part, offset: number | undefined): string {
  return `${part.partNumber}.${offset ?? "own"}.${part.size}.${part.etag}`;
}

/** The parts in an upload's folder, in ascending order. */
export async function readParts(folder: string): Promise<StoredPart[]> {
  const parts: StoredPart[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const [, number, place, size, etag] = PART_FILE.exec(name) ?? [];
    if (etag === undefined) continue;
    parts.push({
      partNumber: Number(number),
      offset: place === "own" ? undefined : Number(place),
      size: Number(size),
      etag,
      path: join(folder, name),
    });
  }
  return parts.sort((a, b) => a.partNumber - b.partNumber);
}

/**
 * Writes a part into an upload's folder, at `offset` of the object or, without
 * it, into its own file; its bytes are flushed when it resolves.
 */
export async function writePart(
  folder: string,
  partNumber: number,
  body: ReadableStream<Uint8Array> | Uint8Array,
  options: { offset: number | undefined; signal: AbortSignal },
): Promise<Part> {
  const { offset, signal } = options;
  const stored = await readParts(folder);
  const earlier = stored.filter((at) => at.partNumber === partNumber);
  const etag = crypto.randomUUID().replaceAll("-", "").slice(0, 16);
  const path = join(folder, `new.${etag}`);
  let size: number;
  if (offset === undefined) {
    size = await writeAside(path, body, signal);
  } else {
    // The first byte invalidates the earlier part.
    await removeAll(earlier.splice(0));
    const others = stored.filter((at) => at.partNumber !== partNumber);
    const allow = guard(partNumber, offset, others);
    const data = join(folder, "data");
    // A new file would have a hole where acknowledged parts have bytes.
    const create = stored.every((part) => part.offset === undefined);
    size = await writeBody(data, body, { offset, create, allow, signal });
    await Deno.writeFile(path, new Uint8Array());
  }
  const part = { partNumber, etag, size };
  await Deno.rename(path, join(folder, partFileName(part, offset)));
  await removeAll(earlier);
  return part;
}

/** Writes the part's own file; leaves none on failure. */
async function writeAside(
  path: string,
  body: ReadableStream<Uint8Array> | Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  try {
    return await writeBody(path, body, { offset: 0, signal });
  } catch (error) {
    // The rest is removed with the upload.
    await Deno.remove(path).catch(() => {});
    throw error;
  }
}

/** Rejects writes past the beginning of the next part after `offset`. */
function guard(
  partNumber: number,
  offset: number,
  others: readonly StoredPart[],
): (end: number) => void {
  let next: { partNumber: number; offset: number } | undefined;
  for (const { partNumber, offset: start, size } of others) {
    if (start === undefined || start + size <= offset) continue;
    if (start < (next?.offset ?? Infinity)) {
      next = { partNumber, offset: start };
    }
  }
  return (end) => {
    if (next === undefined || end <= next.offset) return;
    throw overlappingPart(partNumber, next.partNumber);
  };
}

/** Copies a part with its own file into the file at `data`. */
export async function copyInto(
  data: string,
  offset: number,
  part: StoredPart,
): Promise<void> {
  const file = await Deno.open(part.path);
  const body = await readBody(file, { start: 0, length: part.size });
  await writeBody(data, body, { offset });
}

/** Removes the files of parts. */
async function removeAll(parts: readonly StoredPart[]): Promise<void> {
  for (const part of parts) await Deno.remove(part.path);
}

interface Writer {
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

/**
 * Allows one writer per part in this process. A repeated part takes over from a
 * first attempt that hangs on a dead connection, and completing an upload first
 * stops its writers: otherwise a late chunk could overwrite acknowledged bytes.
 */
export class PartWriters {
  readonly #writers = new Map<string, Map<number, Writer>>();
  readonly #closing = new Map<string, Promise<unknown>>();

  /**
   * Runs `work` as the only writer of this part. Stops and awaits an earlier
   * writer of the same part, which rejects with AppError `BLOB_UPLOAD_INVALID`.
   */
  async write<T>(
    id: string,
    partNumber: number,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    await this.#settled(id);
    const writers = this.#writers.get(id) ?? new Map<number, Writer>();
    this.#writers.set(id, writers);
    const stop = new AbortController();
    const signals = signal ? [signal, stop.signal] : [stop.signal];
    const done = stopWriter(writers.get(partNumber), "the part was sent again")
      .then(() => work(AbortSignal.any(signals)));
    const writer = { stop, done };
    writers.set(partNumber, writer);
    try {
      return await done;
    } finally {
      if (writers.get(partNumber) === writer) writers.delete(partNumber);
      if (writers.size === 0) this.#writers.delete(id);
    }
  }

  /** Stops all writers of the upload, then runs `work` while none can start. */
  async close<T>(id: string, work: () => Promise<T>): Promise<T> {
    await this.#settled(id);
    const writers = [...this.#writers.get(id)?.values() ?? []];
    const stopped = writers.map((writer) =>
      stopWriter(writer, "the upload was ended")
    );
    const done = Promise.all(stopped).then(work);
    this.#closing.set(id, done);
    try {
      return await done;
    } finally {
      this.#closing.delete(id);
    }
  }

  /** Waits while another caller closes the upload. */
  async #settled(id: string): Promise<void> {
    for (let other; (other = this.#closing.get(id)) !== undefined;) {
      // Errors go to its own caller.
      await other.catch(() => {});
    }
  }
}

async function stopWriter(
  writer: Writer | undefined,
  why: string,
): Promise<void> {
  if (writer === undefined) return;
  writer.stop.abort(
    new AppError("BLOB_UPLOAD_INVALID", `The writing was stopped: ${why}.`),
  );
  // Errors go to its own caller.
  await writer.done.catch(() => {});
}
