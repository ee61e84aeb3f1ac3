/**
 * Serialises changes of a repo's head: within this process by a queue, between
 * instances by an optimistic check of the head.
 *
 * @module
 */

import { AppError, isAppError } from "../errors.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import type { LoggedEvent } from "./events/event_log.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { LiveEvents } from "./events/live_events.ts";
import type { HeadRow } from "./rows.ts";
import type { ApplyResult, RepoObserver } from "./types.ts";

/** Result of an attempt to change the head; undefined when the head had changed. */
export type HeadChange<T> =
  | { readonly result: T; readonly events: readonly LoggedEvent[] }
  | undefined;

/** Stores events for a head; undefined when the head had changed. */
export type Announcement = (
  head: Entry<HeadRow>,
) => Promise<readonly LoggedEvent[] | undefined>;

/** Maximum attempts under contention; each failure means that another change succeeded. */
const ATTEMPTS = 50;

/** Serialises the changes of one repo. */
export class HeadQueue {
  readonly #kv: Kv;
  readonly #keys: RepoKeys;
  readonly #live: LiveEvents;
  /** Resolves when the last change in the queue is done. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(deps: { kv: Kv; keys: RepoKeys; live: LiveEvents }) {
    this.#kv = deps.kv;
    this.#keys = deps.keys;
    this.#live = deps.live;
  }

  /** The current head. */
  async head(): Promise<Entry<HeadRow>> {
    const head = await this.#kv.get<HeadRow>(this.#keys.head);
    if (head === undefined) throw new Error("the repo has no head");
    return head;
  }

  /**
   * Queues `attempt` and runs it on the current head until it succeeds, then
   * publishes its events. Throws AppError `UNAVAILABLE` when other instances
   * keep changing the head.
   */
  change<T>(
    attempt: (head: Entry<HeadRow>) => Promise<HeadChange<T>>,
  ): Promise<T> {
    return this.take(async () => {
      for (let i = 0; i < ATTEMPTS; i++) {
        const through = await attempt(await this.head());
        if (through === undefined) continue;
        this.#live.publish(through.events);
        return through.result;
      }
      throw new AppError(
        "UNAVAILABLE",
        "Too many concurrent writes to this repo; try again in a moment.",
        { retryAfterSeconds: 1 },
      );
    });
  }

  /** Runs `work` after all earlier work. */
  readonly take = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {}); // Errors go to its own caller.
    return turn;
  };
}

/** Changes the head like `queue.change`, and reports the outcome to `observer`. */
export async function observed(
  observer: RepoObserver | undefined,
  queue: HeadQueue,
  attempt: (head: Entry<HeadRow>) => Promise<HeadChange<ApplyResult>>,
): Promise<ApplyResult> {
  if (observer === undefined) return await queue.change(attempt);
  let isNew = false;
  try {
    const result = await queue.change(async (head) => {
      const change = await attempt(head);
      isNew = (change?.events.length ?? 0) > 0;
      return change;
    });
    if (!isNew) return result;
    const byAction = Map.groupBy(result.results, ({ action }) => action);
    for (const [action, { length }] of byAction) {
      if (action !== "none") observer.written(action, length);
    }
    return result;
  } catch (error) {
    if (!isAppError(error) || error.spec.status >= 500) observer.failed();
    throw error;
  }
}
