/**
 * Runs work once for all concurrent callers.
 *
 * @module
 */

/** Runs at most one piece of work per name at a time; concurrent callers share it. */
export class SingleFlight {
  readonly #running = new Map<string, Promise<unknown>>();

  /**
   * Returns the result of the work named `name`, started now or already
   * running. All work of a name must have the same type. If `signal` is
   * aborted, this caller's wait rejects with its reason; the work continues for
   * the others.
   */
  async run<T>(
    name: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    let running = this.#running.get(name) as Promise<T> | undefined;
    if (!running) {
      running = work().finally(() => this.#running.delete(name));
      this.#running.set(name, running);
    }
    if (!signal) return await running;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(signal.reason);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      return await Promise.race([running, aborted]);
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }
}
