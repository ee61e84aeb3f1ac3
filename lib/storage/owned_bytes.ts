/**
 * Bytes with one owner at a time, who frees their memory as soon as they are
 * used. Without that, every piece of a large body waits for a full garbage
 * collection of the whole heap, which takes longer than hashing, storing or
 * sending it.
 *
 * @module
 */

const OWNED = Symbol("owned");

/**
 * Bytes that nobody but their holder refers to. Passing them on, for example in
 * a stream, passes on the ownership: the giver must not use them any more. A
 * view of them is not owned.
 */
export type OwnedBytes = Uint8Array & {
  /** Where the memory goes; undefined: it is freed. */
  readonly [OWNED]: BufferPool | undefined;
};

/**
 * Marks `bytes`, to which the caller has the only reference, as owned. They
 * must fill their buffer; others are returned unmarked, because other bytes may
 * be in it.
 */
export function own(bytes: Uint8Array): Uint8Array | OwnedBytes {
  const isWhole = bytes.byteLength === bytes.buffer.byteLength;
  return isWhole ? mark(bytes, undefined) : bytes;
}

/** A property, not an entry of a WeakSet, which the collector has to look through. */
function mark(bytes: Uint8Array, pool: BufferPool | undefined): OwnedBytes {
  return Object.assign(bytes, { [OWNED]: pool });
}

/** Whether `bytes` are owned. */
export function isOwned(bytes: unknown): bytes is OwnedBytes {
  return bytes instanceof Uint8Array && OWNED in bytes;
}

/**
 * Frees the memory of `bytes` if they are owned; they are empty then. No
 * operation may be using them. Bytes of others stay as they are.
 */
export function release(bytes: Uint8Array): void {
  if (!isOwned(bytes)) return;
  const { buffer, [OWNED]: pool } = bytes;
  if (!(buffer instanceof ArrayBuffer) || buffer.detached) return;
  if (pool) pool.give(buffer);
  else buffer.transfer(0);
}

/** Buffers of one size that are used again after they were released. */
export class BufferPool {
  readonly #bytes: number;
  readonly #maxFree: number;
  readonly #free: ArrayBuffer[] = [];

  /**
   * @param bytes size of each buffer.
   * @param maxFree unused buffers that are kept.
   */
  constructor(bytes: number, maxFree: number) {
    this.#bytes = bytes;
    this.#maxFree = maxFree;
  }

  /** Owned bytes that fill a buffer. They may contain what others left there. */
  take(): OwnedBytes {
    const buffer = this.#free.pop() ?? new ArrayBuffer(this.#bytes);
    return mark(new Uint8Array(buffer), this);
  }

  /** Takes a buffer back; for {@linkcode release}. What refers to it becomes empty. */
  give(buffer: ArrayBuffer): void {
    if (this.#free.length < this.#maxFree) this.#free.push(buffer.transfer());
    else buffer.transfer(0);
  }
}
