/**
 * Reads the body of one request: counts and hashes its bytes and aborts a
 * stalled request. Hashes of uploads continue with the next request, so that
 * completion need not read the bytes again. The server has gathered the bytes
 * into blocks of up to 256 KiB.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { release } from "../../storage/owned_bytes.ts";
import { brokenConnection, stalledConnection } from "./upload_errors.ts";
import { createHash, type Hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Digest, DigestAlgorithm } from "../../oci/digest.ts";
import type { UploadRow } from "./upload_row.ts";

export interface BodyReaderOptions {
  body: ReadableStream<Uint8Array>;
  /** Hash over the bytes; undefined when its result is not needed. */
  hash: RunningHash | undefined;
  clock: Clock;
  /** Called with the number of bytes so far; throws or rejects when there are too many. */
  limit: (bytes: number) => Promise<void> | undefined;
  /** Throws when the bytes may not be used any more. */
  guard: () => void;
  signal: AbortSignal | undefined;
}

/** Bytes hashed per update; many small updates are expensive. */
const HASH_BYTES = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** The bytes of one request, read once. */
export class BodyReader {
  readonly #options: BodyReaderOptions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = NOTHING;
  /** The chunk of which {@linkcode #rest} is left. */
  #chunk: Uint8Array = NOTHING;
  #stopped: AppError | undefined;
  /** Made when it is asked for: most requests do not need it. */
  #over: AbortController | undefined;
  /** Error of the client's side; undefined if there is none. */
  failure: AppError | undefined;
  /** Bytes read so far. */
  bytes = 0;
  /** Since when we have been waiting for the client, in milliseconds since the Unix epoch. */
  #waitingSince: number | undefined;

  constructor(options: BodyReaderOptions) {
    this.#options = options;
    this.#reader = options.body.getReader();
    const { signal } = options;
    if (signal?.aborted) this.stop(brokenConnection(signal.reason));
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Fills `target` from index `from` on and returns the index of the first byte
   * not filled; less than its length only at the end of the body.
   */
  async fill(target: Uint8Array, from: number): Promise<number> {
    const { hash } = this.#options;
    let filled = from;
    let hashed = from;
    while (filled < target.length) {
      if (this.#rest.length === 0) {
        const chunk = await this.#read();
        if (!chunk) break;
        this.#chunk = this.#rest = chunk;
      }
      const taken = this.#rest.subarray(0, target.length - filled);
      target.set(taken, filled);
      filled += taken.length;
      this.#rest = this.#rest.subarray(taken.length);
      if (this.#rest.length === 0) release(this.#chunk);
      if (filled - hashed >= HASH_BYTES) {
        hash?.update(target.subarray(hashed, filled));
        hashed = filled;
      }
    }
    if (filled > hashed) hash?.update(target.subarray(hashed, filled));
    this.#options.guard();
    return filled;
  }

  /** The next chunk, which belongs to the caller; undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    let chunk: Uint8Array | undefined = this.#rest;
    this.#rest = this.#chunk = NOTHING;
    while (chunk?.length === 0) chunk = await this.#read();
    if (chunk) this.#options.hash?.update(chunk);
    this.#options.guard();
    return chunk;
  }

  /** A stream of `first` and all bytes after it, read on demand. */
  stream(first: Uint8Array): ReadableStream<Uint8Array> {
    let waiting: Uint8Array | undefined = first;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const chunk = waiting ?? await this.next();
        waiting = undefined;
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    }, { highWaterMark: 1 });
  }

  /** Stops reading when the client has sent nothing for `stallMs` milliseconds. */
  stopIfStalled(stallMs: number): void {
    const since = this.#waitingSince;
    if (since === undefined || this.#options.clock.now() - since < stallMs) {
      return;
    }
    this.stop(stalledConnection(stallMs));
  }

  /** Stops reading; the reader receives `error`. */
  stop(error: AppError): void {
    this.#stopped ??= error;
    this.#over?.abort(this.#stopped);
    // A pending read ends only when the stream is cancelled; errors of the
    // cancellation do not matter.
    this.#reader.cancel(error).catch(() => undefined);
  }

  /** Aborted with the error when reading was stopped. */
  get over(): AbortSignal {
    this.#over ??= new AbortController();
    if (this.#stopped) this.#over.abort(this.#stopped);
    return this.#over.signal;
  }

  /** Releases the request's body; the server drains unread bytes. */
  close(): void {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#reader.releaseLock();
  }

  readonly #onAbort = () =>
    this.stop(brokenConnection(this.#options.signal?.reason));

  async #read(): Promise<Uint8Array | undefined> {
    const { clock, limit } = this.#options;
    this.#waitingSince = clock.now();
    let result;
    try {
      result = await this.#reader.read();
    } catch (cause) {
      throw this.#fail(this.#stopped ?? brokenConnection(cause));
    } finally {
      this.#waitingSince = undefined;
    }
    if (this.#stopped) throw this.#fail(this.#stopped);
    if (result.done) return undefined;
    this.bytes += result.value.length;
    try {
      const decision = limit(this.bytes);
      if (decision) await decision;
    } catch (error) {
      throw error instanceof AppError ? this.#fail(error) : error;
    }
    return result.value;
  }

  #fail(error: AppError): AppError {
    this.failure = error;
    return error;
  }
}

/** A hash over the first bytes of an upload. */
export class RunningHash {
  readonly algorithm: DigestAlgorithm;
  #hash: Hash;

  constructor(algorithm: DigestAlgorithm) {
    this.algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
  }

  /** An independent hash over the same bytes. */
  copy(): RunningHash {
    const copy = new RunningHash(this.algorithm);
    copy.#hash = this.#hash.copy();
    return copy;
  }

  /** Digest of the bytes so far; more bytes may follow. */
  digest(): Digest {
    return `${this.algorithm}:${this.#hash.copy().digest("hex")}`;
  }
}

/**
 * A bounded cache of running hashes by upload and offset, in this process only.
 * When one is missing (another instance received the bytes, a restart, too many
 * uploads) the staged bytes are read again before they become visible. The key
 * is the ticket of the row, not the id of the upload: after another instance
 * deleted the row, an upload with the same id may start again with other bytes.
 */
export class LiveHashes {
  readonly #hashes: LRUCache<string, { offset: number; hash: RunningHash }>;

  /** @param max maximum number of uploads; 10,000 take a few megabytes. */
  constructor(max = 10_000) {
    this.#hashes = new LRUCache({ max });
  }

  /** The hash over all bytes of `row`, if this process has it. */
  of({ ticket, offset, algorithm }: UploadRow): RunningHash | undefined {
    if (offset === 0) return new RunningHash(algorithm);
    const found = this.#hashes.get(ticket);
    if (found?.offset !== offset || found.hash.algorithm !== algorithm) {
      return undefined;
    }
    return found.hash;
  }

  /** Stores the hash over the first `offset` bytes. */
  keep({ ticket }: UploadRow, offset: number, hash: RunningHash): void {
    this.#hashes.set(ticket, { offset, hash });
  }

  forget({ ticket }: UploadRow): void {
    this.#hashes.delete(ticket);
  }
}
