/**
 * Reads of rows that many ask for at the same moment, such as the tag of a
 * popular image: whoever comes while a read is under way shares it.
 *
 * @module
 */

/** Shares reads that run at the same time; keeps nothing beyond them. */
export class SharedReads {
  #running = new Map<string, Promise<unknown>>();

  /** The result of `read`, or of one for the same `key` that is under way. A key always stands for the same type. */
  read<T>(key: string, read: () => Promise<T>): Promise<T> {
    const running = this.#running;
    const known = running.get(key);
    if (known) return known as Promise<T>;
    const started = read().finally(() => {
      if (running.get(key) === started) running.delete(key);
    });
    running.set(key, started);
    return started;
  }

  /** To be called after a write: who comes now must not share a read that began before it. */
  renew(): void {
    this.#running = new Map();
  }
}
