/**
 * Mutual exclusion within a process, by name.
 *
 * @module
 */

/** Runs work of the same name one after another, first come, first served. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` after all earlier work of the same `name` has ended. */
  run<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const turn = before.then(work);
    // Errors go to the work's own caller; waiters only need to know when it ends.
    const ended = turn.then(() => undefined, () => undefined);
    this.#last.set(name, ended);
    ended.then(() => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    });
    return turn;
  }
}
