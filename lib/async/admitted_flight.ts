/**
 * Runs work once for all concurrent callers where the work counts towards the
 * limit of the caller that started it.
 *
 * @module
 */

import { SingleFlight } from "./single_flight.ts";

/** Counts a step of work towards the caller's limit; throws when the limit is exceeded. */
export type Admit = () => Promise<void>;

/** A refusal of the caller that started the work; never leaves {@linkcode AdmittedFlight.run}. */
class Refused extends Error {
  /** The call of {@linkcode AdmittedFlight.run} that was refused. */
  readonly call: symbol;

  constructor(call: symbol, cause: unknown) {
    super("the caller that started this work was refused", { cause });
    this.call = call;
  }
}

/** {@linkcode SingleFlight} in which nobody gets the refusal of another caller. */
export class AdmittedFlight {
  readonly #flights = new SingleFlight();

  /**
   * Returns the result of the work named `name`, started now or already
   * running. `work` receives an `admit` to await before each step. If it
   * refuses, only the caller that started the work gets the error; one of the
   * others starts the work again with its own `admit`.
   */
  async run<T>(
    name: string,
    admit: Admit | undefined,
    work: (admit: Admit | undefined) => Promise<T>,
  ): Promise<T> {
    const call = Symbol(name);
    const mine = admit && (async () => {
      try {
        await admit();
      } catch (error) {
        throw new Refused(call, error);
      }
    });
    for (;;) {
      try {
        return await this.#flights.run(name, undefined, () => work(mine));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.call === call) throw error.cause;
      }
    }
  }
}
