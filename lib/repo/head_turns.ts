/**
 * Changes of a repo's head, one after the other: those of this process queue
 * up, those of several instances are kept apart by a check of the head.
 *
 * @module
 */

import { AppError } from "../errors.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import type { LoggedEvent } from "./events/event_log.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { LiveEvents } from "./events/live_events.ts";
import type { HeadRow } from "./rows.ts";

/** What an attempt to change the head brought; undefined when it was no longer the head. */
export type Attempt<T> =
  | { readonly result: T; readonly events: readonly LoggedEvent[] }
  | undefined;

/** Attempts while others change the repo too; each failure means that another one got through. */
const ATTEMPTS = 50;

/** The turns of one repo. */
export class HeadTurns {
  readonly #kv: Kv;
  readonly #keys: RepoKeys;
  readonly #live: LiveEvents;
  /** Ends when the last one in the queue is done. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(deps: { kv: Kv; keys: RepoKeys; live: LiveEvents }) {
    this.#kv = deps.kv;
    this.#keys = deps.keys;
    this.#live = deps.live;
  }

  /** The head of the moment. */
  async head(): Promise<Entry<HeadRow>> {
    const head = await this.#kv.get<HeadRow>(this.#keys.head);
    if (head === undefined) throw new Error("the repo has no head");
    return head;
  }

  /**
   * Runs `attempt` on the head of the moment, in turn, until it gets through,
   * and publishes its events. Throws AppError `UNAVAILABLE` when other
   * instances write all the time.
   */
  change<T>(
    attempt: (head: Entry<HeadRow>) => Promise<Attempt<T>>,
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
        "Others are writing to this repo all the time; try again in a moment.",
        { retryAfterSeconds: 1 },
      );
    });
  }

  /** Runs `work` when all work before it is done. */
  readonly take = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {}); // Its own caller hears of an error.
    return turn;
  };
}
