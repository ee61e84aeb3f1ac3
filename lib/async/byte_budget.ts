/**
 * Bounds the memory of buffers within a process.
 *
 * @module
 */

/** A number of bytes that several may take, and give back. */
export class ByteBudget {
  #left: number;

  /** @param bytes how many may be taken at once. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes `bytes` if so many are left; returns whether they were. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Gives back `bytes` that were taken. */
  give(bytes: number): void {
    this.#left += bytes;
  }
}
