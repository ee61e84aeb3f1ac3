/**
 * Which of many holds let somebody read, for lists: asked side by side and not
 * for long. A hold that hangs is not asked again for a while, and the last
 * answer that it gave counts until then.
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

/** Whether `caller` may read what a hold has. */
export interface ReadQuestion {
  readonly hold: Did;
  readonly caller: Caller;
}

interface LastAnswer {
  readonly allowed: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Holds that are asked at the same time. */
const PARALLEL = 16;

/** How long one list waits for all holds together, in milliseconds. */
const PATIENCE_MS = 3_000;

/** A hold that hangs is left alone for so long, in milliseconds. */
const HANGING_MS = 30_000;

/** An answer counts for so long while its hold hangs, in milliseconds. */
const LAST_MS = 10 * 60_000;

/** Decides for one process, whose memory it keeps. */
export class ReadableHolds {
  readonly #deps: ReadableHoldsDeps;
  /** When a hold that hangs may be asked again, in milliseconds since the Unix epoch. */
  readonly #hanging = new LRUCache<Did, number>({ max: 10_000 });
  readonly #last = new LRUCache<string, LastAnswer>({ max: 10_000 });

  constructor(deps: ReadableHoldsDeps) {
    this.#deps = deps;
  }

  /** Decides for one list: each question is asked once, and all have the same time. */
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
    const asked = this.#ask(question);
    // A late answer counts the next time.
    void asked.then((allowed) => {
      if (allowed === undefined) return;
      this.#last.set(name, { allowed, at: clock.now() });
      this.#hanging.delete(did);
    }, () => {});
    try {
      const allowed = await Promise.race([asked, late]);
      if (allowed !== undefined) return allowed;
    } catch (error) {
      // A hold that cannot be asked hides its repositories, not the list.
      if (!isAppError(error)) throw error;
    } finally {
      stop.abort();
    }
    this.#hanging.set(did, clock.now() + HANGING_MS);
    return old();
  }

  async #ask({ hold, caller }: ReadQuestion): Promise<boolean> {
    const client = await this.#deps.holds.get(hold);
    return (await client.mayRead(caller)).allowed;
  }
}

/** Answers questions of one list, in their order. */
export type ReadableForList = (
  questions: readonly ReadQuestion[],
) => Promise<boolean[]>;

function nameOf({ hold, caller }: ReadQuestion): string {
  return `${hold} ${caller ?? ""}`;
}
