/**
 * Cuts the body of a request into parts for a remote hold. One part is sent
 * while the next one is filled, so at most two are in memory. Buffers start
 * small, and larger ones are reserved in memory that all requests share.
 *
 * @module
 */

import {
  FIRST_BUFFER_BYTES,
  largerBuffer,
  type PartBuffer,
  type PartMemory,
  type PartUser,
} from "../../async/part_memory.ts";
import { withinTime } from "../../async/within_time.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";

/** The tail before a request. */
export interface Head {
  readonly length: number;
  /** Reads it to the beginning of `into`. */
  readonly read: (into: Uint8Array<ArrayBuffer>) => Promise<unknown>;
}

export interface CutDeps {
  readonly memory: Pick<PartMemory, "reserve">;
  readonly clock: Clock;
  /** Size of every part in bytes. */
  readonly partBytes: number;
}

export interface CutOptions extends CutDeps {
  /** Whose memory it is. */
  readonly account: string;
  readonly head: Head;
  readonly body: ReadableStream<Uint8Array>;
  /** Sends a part. */
  readonly send: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;
}

/** What is left of a body. */
export interface CutRest {
  /** Bytes of the head that stay: all, or none when they were sent. */
  readonly kept: number;
  /** The bytes after it, too few for a part. */
  readonly rest: Uint8Array;
  /** Bytes of the body. */
  readonly received: number;
  /** Frees the memory of `rest`. */
  readonly free: () => void;
}

/** A client that sends nothing for that time, in milliseconds, gives up its memory. */
const STALL_MS = 60_000;

/**
 * Reserves memory for a part of which `bytes` are there; undefined for few.
 * Throws AppError `UNAVAILABLE` when there is none in time.
 */
export async function reserveFor(
  { memory, partBytes }: Pick<CutDeps, "memory" | "partBytes">,
  bytes: number,
  user: PartUser,
): Promise<PartBuffer | undefined> {
  return bytes > FIRST_BUFFER_BYTES
    ? await memory.reserve(partBytes, user)
    : undefined;
}

/**
 * Sends head and body in parts and returns the rest. Throws the errors of the
 * body, of `send` and of the head, AppError `BLOB_UPLOAD_INVALID` when the
 * client stalls, and `UNAVAILABLE` without memory for parts, or when an account
 * with less of it needs it.
 */
export async function cutIntoParts(options: CutOptions): Promise<CutRest> {
  const { head, body, send, account } = options;
  const stop = new AbortController();
  const user = { account, evict: (error: AppError) => stop.abort(error) };
  let part = new FilledPart(options, user, head);
  let received = 0;
  let onItsWay: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of chunksOf(body, options.clock, stop.signal)) {
      received += chunk.length;
      for (let at = 0; at < chunk.length;) {
        at += await part.take(chunk.subarray(at));
        if (!part.isFull) continue;
        await onItsWay;
        const { free } = part;
        onItsWay = send(await part.whole()).finally(free);
        // Its failure is reported at the next part or at the end.
        onItsWay.catch(() => {});
        part = new FilledPart(options, user);
      }
    }
    await onItsWay;
  } catch (error) {
    part.free();
    throw error;
  } finally {
    // No part may be on its way when the next request works on the upload.
    await onItsWay.catch(() => {});
  }
  return { kept: part.kept, rest: part.rest, received, free: part.free };
}

/** A part that is being filled. */
class FilledPart {
  readonly #deps: CutDeps;
  readonly #user: PartUser;
  readonly #head: Head | undefined;
  #bytes = new Uint8Array(0);
  #filled = 0;
  #held: PartBuffer | undefined;

  constructor(deps: CutDeps, user: PartUser, head?: Head) {
    this.#deps = deps;
    this.#user = user;
    this.#head = head;
  }

  /** Bytes of the head, which are not in memory. */
  get kept(): number {
    return this.#head?.length ?? 0;
  }

  get rest(): Uint8Array {
    return this.#bytes.subarray(0, this.#filled);
  }

  get isFull(): boolean {
    return this.kept + this.#filled === this.#deps.partBytes;
  }

  /** Adds the first bytes of `chunk` and returns their number. */
  async take(chunk: Uint8Array): Promise<number> {
    if (this.#filled === this.#bytes.length) await this.#grow();
    const taken = chunk.subarray(0, this.#bytes.length - this.#filled);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.length;
    return taken.length;
  }

  /** All bytes of a full part. */
  async whole(): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#head || this.kept === 0) return this.#bytes;
    const { partBytes } = this.#deps;
    this.#held ??= await reserveFor(this.#deps, partBytes, this.#user);
    const whole = new Uint8Array(partBytes);
    whole.set(this.#bytes, this.kept);
    this.#bytes = new Uint8Array(0);
    await this.#head.read(whole);
    return whole;
  }

  readonly free = () => this.#held?.free();

  async #grow(): Promise<void> {
    const size = this.#deps.partBytes - this.kept;
    // Only the first buffer is small for sure.
    const needed = this.#bytes.length === 0 ? 0 : size;
    this.#held ??= await reserveFor(this.#deps, needed, this.#user);
    this.#bytes = largerBuffer(this.#bytes, size, 4);
  }
}

/** The chunks of a body until `stop`; the body is cancelled unless all are read. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  clock: Clock,
  stop: AbortSignal,
) {
  const reader = body.getReader();
  let isDone = false;
  // Errors of the cancellation do not matter.
  const cancel = () => reader.cancel().catch(() => {});
  stop.addEventListener("abort", cancel);
  try {
    for (;;) {
      const next = await withinTime(clock, STALL_MS, reader.read());
      stop.throwIfAborted();
      if (!next) throw stalled();
      isDone = next.done;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    stop.removeEventListener("abort", cancel);
    if (!isDone) void cancel();
    reader.releaseLock();
  }
}

function stalled(): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    `The client sent nothing for ${
      STALL_MS / 1000
    } seconds, so this request was dropped. Ask where the upload stands and continue there.`,
  );
}
