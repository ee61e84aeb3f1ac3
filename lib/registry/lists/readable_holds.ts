/**
 * Checks which of many holds let a caller read, for lists: concurrently and
 * with a short timeout. A hanging hold is not queried again for a while, and
 * its last decision is used until then.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";
import { inParallel } from "../../async/in_parallel.ts";
import { type Clock, endsWithin, isWithin } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";

export interface ReadableHoldsDeps {
  clock: Clock;
  holds: HoldDirectory;
}

/** A check whether `caller` may read from a hold. */
export interface ReadQuestion {
  readonly hold: Did;
  readonly caller: Caller;
}

interface LastAnswer {
  readonly allowed: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Concurrent queries to holds. */
const PARALLEL = 16;

/** How long one list waits for all holds together, in milliseconds. */
const PATIENCE_MS = 3_000;

/** How long a hanging hold is not queried, in milliseconds. */
const HANGING_MS = 30_000;

/** How long the last decision is used while its hold hangs, in milliseconds. */
const LAST_MS = 10 * 60_000;

/** Decides for one process, with a cache. */
export class ReadableHolds {
  readonly #deps: ReadableHoldsDeps;
  /** When a hanging hold may be queried again, in milliseconds since the Unix epoch. */
  readonly #hanging = new LRUCache<Did, number>({ max: 10_000 });
  readonly #last = new LRUCache<string, LastAnswer>({ max: 10_000 });

  constructor(deps: ReadableHoldsDeps) {
    this.#deps = deps;
  }

  /** Decides for one list: each check is made once, and all share one timeout. */
  begin(): ReadableForList {
    const until = this.#deps.clock.now() + PATIENCE_MS;
    const known = new Map<string, boolean>();
    return async (questions) => {
      const unknown = new Map(
        questions.map((one) => [nameOf(one), one] as const)
          .filter(([name]) => !known.has(name)),
      );
      await inParallel(unknown, PARALLEL, async ([name, question]) => {
        known.set(name, await this.#mayRead(question, until));
      });
      return questions.map((one) => known.get(nameOf(one)) === true);
    };
  }

  async #mayRead(question: ReadQuestion, until: number): Promise<boolean> {
    const { clock } = this.#deps;
    const { hold: did } = question;
    const now = clock.now();
    const name = nameOf(question);
    const old = () => {
      const last = this.#last.get(name);
      return last?.allowed === true && isWithin(last.at, LAST_MS, now);
    };
    const hanging = this.#hanging.get(did) ?? 0;
    if (until <= now || endsWithin(hanging, HANGING_MS, now)) return old();
    const stop = new AbortController();
    const late = clock.sleep(Math.min(until - now, PATIENCE_MS), stop.signal)
      .then(() => undefined);
    const asked = this.#query(question);
    // A late response is used the next time.
    void asked.then((allowed) => {
      if (allowed === undefined) return;
      this.#last.set(name, { allowed, at: clock.now() });
      this.#hanging.delete(did);
    }, () => {});
    try {
      const allowed = await Promise.race([asked, late]);
      if (allowed !== undefined) return allowed;
    } catch (error) {
      // An unreachable hold hides its repositories, not the list.
      if (!isAppError(error)) throw error;
    } finally {
      stop.abort();
    }
    this.#hanging.set(did, clock.now() + HANGING_MS);
    return old();
  }

  async #query({ hold, caller }: ReadQuestion): Promise<boolean> {
    const client = await this.#deps.holds.get(hold);
    return (await client.mayRead(caller)).allowed;
  }
}

/** Returns the checks of one list, in order. */
export type ReadableForList = (
  questions: readonly ReadQuestion[],
) => Promise<boolean[]>;

function nameOf({ hold, caller }: ReadQuestion): string {
  return `${hold} ${caller ?? ""}`;
}
