/**
 * Coalesces concurrent reads of the same row, such as the tag of a popular
 * image: callers that arrive while a read is in progress share the next one.
 *
 * @module
 */

/** The read of a key in progress, and the one that starts after it. */
interface Turn {
  readonly current: Promise<unknown>;
  next?: Promise<unknown>;
}

/**
 * Shares reads and caches nothing. A caller never shares a read that started
 * before its call, so it sees everything written before, also by another
 * process on the same store.
 */
export class SharedReads {
  readonly #turns = new Map<string, Turn>();

  /**
   * Returns the result of `read`, or of another read of the same `key` that
   * started no earlier than this call. All reads of a key must have the same
   * type.
   */
  read<T>(key: string, read: () => Promise<T>): Promise<T> {
    const turn = this.#turns.get(key);
    if (!turn) return this.#begin(key, read);
    const begin = () => this.#begin(key, read);
    return (turn.next ??= turn.current.then(begin, begin)) as Promise<T>;
  }

  #begin<T>(key: string, read: () => Promise<T>): Promise<T> {
    const current = read();
    const turn: Turn = { current };
    this.#turns.set(key, turn);
    const ended = () => {
      if (turn.next === undefined) this.#turns.delete(key);
    };
    current.then(ended, ended);
    return current;
  }
}
