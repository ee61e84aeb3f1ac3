/**
 * Work that must not overlap within a process, by name.
 *
 * @module
 */

/** Runs work of one name in the order of its arrival. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier work called `name` has ended. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(work);
    // Its own caller hears of an error; who waits only needs the end.
    const ended = turn.then(() => undefined, () => undefined);
    this.#last.set(name, ended);
    ended.then(() => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    });
    return turn;
  }
}
