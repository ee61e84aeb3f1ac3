/**
 * Bounds concurrency, separately for each name.
 *
 * @module
 */

/** A number of slots for each name; callers queue when none is free. */
export class Semaphore {
  readonly #max: number;
  readonly #busy = new Map<string, { used: number; waiting: (() => void)[] }>();

  /** @param max how many may run at once for one name. */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Runs `work` in a slot of `name`. If `signal` is aborted while waiting,
   * rejects with its reason.
   */
  async run<T>(
    name: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    await this.#take(name, signal);
    try {
      return await work();
    } finally {
      this.#give(name);
    }
  }

  async #take(name: string, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const line = this.#busy.get(name) ?? { used: 0, waiting: [] };
    this.#busy.set(name, line);
    if (line.used < this.#max) {
      line.used++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      const at = line.waiting.indexOf(resolve);
      // It has got its slot already and is about to use it.
      if (at < 0) return;
      line.waiting.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", giveUp, { once: true });
    line.waiting.push(resolve);
    await promise;
    signal?.removeEventListener("abort", giveUp);
  }

  #give(name: string): void {
    const line = this.#busy.get(name);
    if (!line) return;
    const next = line.waiting.shift();
    // Hand the slot directly to the next waiter.
    if (next) next();
    else if (--line.used === 0) this.#busy.delete(name);
  }
}
