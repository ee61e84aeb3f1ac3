/**
 * Delivers new events of all instances to the followers of the repo in this
 * process, in order and without gaps.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { EventLog, LoggedEvent } from "./event_log.ts";

/** Receives one event; must not throw or block. */
export type EventListener = (event: LoggedEvent) => void;

/** Polling interval of the log for events of other instances, in milliseconds. */
const POLL_MS = 500;

/** The live end of the event log. */
export class LiveEvents {
  readonly #log: EventLog;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #listeners = new Set<EventListener>();
  readonly #pollMs: number;
  /** Number of the last event delivered. */
  #tail = 0;
  #catchingUp = false;
  /** Whether events were published while the log was being read. */
  #published = false;
  #polling: AbortController | undefined;

  constructor(
    deps: { log: EventLog; clock: Clock; logger: Logger; pollMs?: number },
  ) {
    this.#log = deps.log;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#pollMs = deps.pollMs ?? POLL_MS;
  }

  /** Number of listeners. */
  get followers(): number {
    return this.#listeners.size;
  }

  /**
   * Delivers every event after number `after` to `listener` from now on;
   * returns a function that unsubscribes. Returns undefined when newer events
   * have already been delivered; the caller then reads on in the log and calls
   * again.
   */
  follow(after: number, listener: EventListener): (() => void) | undefined {
    if (this.#tail > after) return undefined;
    if (this.#listeners.size === 0) this.#tail = after;
    // Other listeners may still need events that this one has read from the log.
    const skipping: EventListener = (event) => {
      if (event.seq > after) listener(event);
    };
    this.#listeners.add(skipping);
    if (this.#polling === undefined) void this.#poll();
    return () => {
      this.#listeners.delete(skipping);
      if (this.#listeners.size === 0) this.close();
    };
  }

  /** Delivers events that this process has just stored. */
  publish(events: readonly LoggedEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    if (this.#listeners.size === 0) {
      this.#tail = Math.max(this.#tail, last.seq);
    } else if (!this.#catchingUp && events[0]?.seq === this.#tail + 1) {
      this.#deliver(events);
    } else {
      this.#published = true;
      void this.#catchUp();
    }
  }

  /** Stops polling for events of other instances; a new follower restarts it. */
  close(): void {
    this.#polling?.abort();
    this.#polling = undefined;
  }

  async #poll(): Promise<void> {
    const polling = new AbortController();
    this.#polling = polling;
    while (!polling.signal.aborted) {
      await this.#catchUp();
      await this.#clock.sleep(this.#pollMs, polling.signal);
    }
  }

  async #catchUp(): Promise<void> {
    if (this.#catchingUp) return;
    this.#catchingUp = true;
    try {
      for (;;) {
        this.#published = false;
        if (await this.#log.latest() <= this.#tail && !this.#published) break;
        const events = await this.#log.read(this.#tail);
        if (events.length === 0 && !this.#published) break;
        this.#deliver(events);
      }
    } catch (error) {
      // Retried at the next poll, half a second later.
      this.#logger.warn("new repo events could not be read", { error });
    } finally {
      this.#catchingUp = false;
    }
  }

  #deliver(events: readonly LoggedEvent[]): void {
    for (const event of events) {
      if (event.seq <= this.#tail) continue;
      this.#tail = event.seq;
      for (const listener of this.#listeners) listener(event);
    }
  }
}
