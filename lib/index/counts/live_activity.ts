/**
 * Pushes as they happen, for pages that are being looked at. While there are
 * listeners the newest rows are read again every few seconds, once for all of
 * them, so that pushes at other instances are seen as well.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { MayRead } from "../reading.ts";
import type { Activities } from "./activity.ts";
import type { Activity } from "./activity_rows.ts";

/** A push of a tag. */
export type LivePush = Activity & { readonly kind: "push" };

/** Hears of pushes until it ends. */
export interface PushListener {
  /** The oldest first. */
  readonly pushed: (push: LivePush) => void;
  /** Called now and then while nothing happens. */
  readonly quiet: () => void;
  /** No more will come. */
  readonly ended: () => void;
}

export interface LiveActivityDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly activities: Pick<Activities, "all">;
  /** Where anybody may pull; asked again at each look. */
  readonly mayRead: () => MayRead;
}

/** Pause between two looks, in milliseconds. */
const PAUSE_MS = 2_000;

/** Looks without news before listeners hear that all is quiet: 20 seconds, less than connections may be idle. */
const QUIET_LOOKS = 10;

/** Rows that are read at each look. */
const LIMIT = 30;

/** Most listeners of one instance. */
const MAX_LISTENERS = 500;

/** Follows the newest pushes. */
export class LiveActivity {
  readonly #deps: LiveActivityDeps;
  readonly #listeners = new Set<PushListener>();
  readonly #stop = new AbortController();
  #running = false;

  constructor(deps: LiveActivityDeps) {
    this.#deps = deps;
  }

  /** Adds a listener and returns what removes it; undefined when there are too many, or the program stops. */
  listen(listener: PushListener): (() => void) | undefined {
    if (this.#stop.signal.aborted || this.#listeners.size >= MAX_LISTENERS) {
      return undefined;
    }
    this.#listeners.add(listener);
    if (!this.#running) void this.#follow();
    return () => this.#listeners.delete(listener);
  }

  /** Ends all listeners. */
  close(): void {
    this.#stop.abort();
    for (const listener of this.#listeners) listener.ended();
    this.#listeners.clear();
  }

  async #follow(): Promise<void> {
    const { clock, log } = this.#deps;
    const { signal } = this.#stop;
    this.#running = true;
    let seen: ReadonlySet<string> | undefined;
    let looks = 0;
    while (this.#listeners.size > 0 && !signal.aborted) {
      try {
        const pushes = await this.#newest();
        const news = seen
          ? pushes.filter((push) => !seen?.has(idOf(push)))
          : [];
        for (const push of news.reverse()) {
          for (const listener of this.#listeners) listener.pushed(push);
        }
        seen = new Set(pushes.map(idOf));
        looks = news.length > 0 ? 0 : looks + 1;
      } catch (error) {
        log.warn("new pushes cannot be read", { error });
      }
      if (looks >= QUIET_LOOKS) {
        looks = 0;
        for (const listener of this.#listeners) listener.quiet();
      }
      await clock.sleep(PAUSE_MS, signal).catch(() => {});
    }
    this.#running = false;
  }

  async #newest(): Promise<LivePush[]> {
    const { activities, mayRead } = this.#deps;
    const { items } = await activities.all({ limit: LIMIT }, mayRead());
    return items.filter((one): one is LivePush => one.kind === "push");
  }
}

/** The same for the same push. */
export function idOf({ did, repo, tag, at }: LivePush): string {
  return `${did}/${repo}:${tag} ${at}`;
}
