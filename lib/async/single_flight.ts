/**
 * One piece of work for all who ask for it at the same time.
 *
 * @module
 */

/** Runs work once per name while it lasts. */
export class SingleFlight {
  readonly #running = new Map<string, Promise<unknown>>();

  /**
   * The result of the work named `name`, begun now or already under way. All
   * users of a name must ask for the same type. An aborted `signal` ends the
   * wait of this caller with the signal's reason; the work goes on for others.
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
