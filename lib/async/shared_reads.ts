/**
 * Reads of rows that many ask for at the same moment, such as the tag of a
 * popular image: those who come while a read is under way share the next one.
 *
 * @module
 */

/** The read of a key that is under way, and the one that begins when it has ended. */
interface Turn {
  readonly current: Promise<unknown>;
  next?: Promise<unknown>;
}

/**
 * Shares reads; keeps nothing beyond them. Nobody shares a read that began
 * before he asked, so that everybody sees what was written before, also by
 * another process on the same store.
 */
export class SharedReads {
  readonly #turns = new Map<string, Turn>();

  /** The result of `read`, or of another one for the same `key` that began no earlier than this call. A key always stands for the same type. */
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
