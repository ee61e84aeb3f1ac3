/**
 * Takes in the bytes of one request: counts and hashes them, gathers small
 * chunks into larger blocks and ends a request that stalls.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { brokenConnection, stalledConnection } from "./upload_errors.ts";
import type { RunningHash } from "./upload_hash.ts";

/** What an {@linkcode Intake} needs. */
export interface IntakeOptions {
  body: ReadableStream<Uint8Array>;
  /** Runs over the bytes; undefined when nobody could use its outcome. */
  hash: RunningHash | undefined;
  clock: Clock;
  /** Called with the bytes so far; throws or rejects when they are too many. */
  limit: (bytes: number) => Promise<void> | undefined;
  /** Throws when the bytes must not be used any more. */
  guard: () => void;
  signal: AbortSignal | undefined;
}

/** Bytes given to the store at once; fewer, larger writes are faster. */
const BLOCK_BYTES = 256 * 1024;

/** Bytes hashed at once; many small updates cost more than they hash. */
const HASH_BYTES = 64 * 1024;

const NOTHING = new Uint8Array(0);

/** The bytes of one request, read once. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest: Uint8Array = NOTHING;
  #stopped: AppError | undefined;
  /** Why the client's side failed; undefined while it has not. */
  failure: AppError | undefined;
  /** Bytes taken so far. */
  bytes = 0;
  /** Since when the client is waited for, in milliseconds since the Unix epoch. */
  #waitingSince: number | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#reader = options.body.getReader();
    const { signal } = options;
    if (signal?.aborted) this.stop(brokenConnection(signal.reason));
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Fills `target` from index `from` on and returns the index of the first
   * byte not filled; less than its length only when the bytes have ended.
   */
  async fill(target: Uint8Array, from: number): Promise<number> {
    const { hash } = this.#options;
    let filled = from;
    let hashed = from;
    while (filled < target.length) {
      const chunk = this.#rest.length > 0 ? this.#rest : await this.#read();
      if (!chunk) break;
      const taken = chunk.subarray(0, target.length - filled);
      target.set(taken, filled);
      filled += taken.length;
      this.#rest = chunk.subarray(taken.length);
      if (filled - hashed >= HASH_BYTES) {
        hash?.update(target.subarray(hashed, filled));
        hashed = filled;
      }
    }
    if (filled > hashed) hash?.update(target.subarray(hashed, filled));
    this.#options.guard();
    return filled;
  }

  /** The next bytes, about 256 KiB before the end; undefined when there are none. */
  async block(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) this.#rest = await this.#read() ?? NOTHING;
    const chunk = this.#rest;
    if (chunk.length >= BLOCK_BYTES) {
      // Large enough as it is: copying it would only cost time.
      this.#rest = NOTHING;
      this.#options.hash?.update(chunk);
      this.#options.guard();
      return chunk;
    }
    const block = new Uint8Array(BLOCK_BYTES);
    const filled = await this.fill(block, 0);
    return filled === 0 ? undefined : block.subarray(0, filled);
  }

  /** `first` and all bytes after it, read as fast as they are taken. */
  stream(first: Uint8Array): ReadableStream<Uint8Array> {
    let next: Uint8Array | undefined = first;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const block = next ?? await this.block();
        next = undefined;
        if (block) controller.enqueue(block);
        else controller.close();
      },
    }, { highWaterMark: 1 });
  }

  /** Ends the intake when the client was waited for in vain for `stallMs` milliseconds. */
  stopIfStalled(stallMs: number): void {
    const since = this.#waitingSince;
    if (since === undefined || this.#options.clock.now() - since < stallMs) {
      return;
    }
    this.stop(stalledConnection(stallMs));
  }

  /** Ends the intake from outside; the reader sees `error`. */
  stop(error: AppError): void {
    this.#stopped ??= error;
    // A pending read only ends when the stream is cancelled; what the stream
    // itself thinks of that is of no use to anybody.
    this.#reader.cancel(error).catch(() => undefined);
  }

  /** Lets go of the request's body; unread bytes stay for the server to drain. */
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
