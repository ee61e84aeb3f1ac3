/**
 * The event stream to one consumer: backfill from the log, then live events
 * (`com.atproto.sync.subscribeRepos`).
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";
import type { EventLog, LoggedEvent } from "./event_log.ts";
import { type Batch, FanOut } from "./fan_out.ts";
import { errorFrame, infoFrame } from "./frames.ts";
import type { LiveEvents } from "./live_events.ts";
import { type FirehoseSocket, keepAlive, opened } from "./firehose_socket.ts";
import {
  DEFAULT_FIREHOSE_LIMITS,
  type FirehoseLimits,
} from "./firehose_limits.ts";

/** Maximum unsent bytes of a consumer during backfill. */
const BACKFILL_BYTES = 1_000_000;
/** Polling interval of a consumer's unsent bytes during backfill, in milliseconds. */
const DRAIN_MS = 20;
/** `readyState` of an open socket. */
const OPEN = 1;

// WebSocket close codes (RFC 6455, section 7.4.1, and its registry).
const GOING_AWAY = 1001;
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;

/** Serves the events of one repo to any number of consumers. */
export class Firehose {
  readonly #log: EventLog;
  readonly #live: LiveEvents;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #limits: FirehoseLimits;
  /** Every consumer with its client, if the client is counted. */
  readonly #sockets = new Map<FirehoseSocket, string | undefined>();
  readonly #fanOut: FanOut;
  #tooSlow = 0;

  constructor(
    deps: {
      log: EventLog;
      live: LiveEvents;
      clock: Clock;
      logger: Logger;
      limits?: FirehoseLimits;
    },
  ) {
    this.#log = deps.log;
    this.#live = deps.live;
    this.#clock = deps.clock;
    this.#logger = deps.logger;
    this.#limits = deps.limits ?? DEFAULT_FIREHOSE_LIMITS;
    this.#fanOut = new FanOut(deps.clock);
  }

  /** Consumers that were dropped because they did not keep up, since the start. */
  get tooSlow(): number {
    return this.#tooSlow;
  }

  /** Number of connected consumers. */
  get consumers(): number {
    return this.#sockets.size;
  }

  /**
   * Serves `socket` until it closes: events with numbers above `cursor`, or
   * only new ones without it. The connection counts towards the limit of
   * `client`; it is not counted when undefined. Never throws; errors close the
   * connection.
   */
  async serve(
    socket: FirehoseSocket,
    cursor: number | undefined,
    client?: string,
  ): Promise<void> {
    const crowd = this.#crowd(client);
    if (crowd !== undefined) {
      socket.close(TRY_AGAIN_LATER, crowd);
      return;
    }
    const gone = new AbortController();
    const leave = () => gone.abort();
    socket.addEventListener("close", leave);
    socket.addEventListener("error", leave);
    this.#sockets.set(socket, client);
    try {
      await opened(socket, gone.signal);
      void keepAlive(socket, this.#clock, this.#logger, gone.signal);
      const last = await this.#backfill(socket, cursor, gone.signal);
      if (last !== undefined) await this.#follow(socket, last, gone.signal);
    } catch (error) {
      if (!gone.signal.aborted) {
        this.#logger.warn("a firehose consumer was dropped", { error });
        socket.close(INTERNAL_ERROR, "internal error");
      }
    } finally {
      gone.abort();
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#fanOut.stop();
    }
  }

  /** Closes all connections when the server stops; consumers reconnect with their cursor. */
  close(): void {
    this.#fanOut.flush();
    for (const socket of this.#sockets.keys()) {
      socket.close(GOING_AWAY, "the server restarts");
    }
  }

  /** Returns why another consumer of `client` is refused, or undefined when it is admitted. */
  #crowd(client: string | undefined): string | undefined {
    const { maxConsumers, maxPerClient } = this.#limits;
    if (this.#sockets.size >= maxConsumers) return "too many consumers";
    if (client === undefined) return undefined;
    const own = [...this.#sockets.values()].filter((one) => one === client);
    return own.length >= maxPerClient
      ? "too many consumers of your address"
      : undefined;
  }

  /**
   * Sends the events of the log after `cursor`. Returns the number after which
   * live events continue, or undefined when the connection was closed.
   */
  async #backfill(
    socket: FirehoseSocket,
    cursor: number | undefined,
    gone: AbortSignal,
  ): Promise<number | undefined> {
    const { after, latest, cut } = await this.#log.window();
    let last = cursor ?? latest;
    if (last > latest) {
      socket.send(errorFrame("FutureCursor", "Cursor in the future."));
      socket.close(POLICY_VIOLATION, "FutureCursor");
      return undefined;
    }
    if (last < after) {
      if (cut) socket.send(OUTDATED);
      last = after;
    }
    while (!gone.aborted) {
      const events = await this.#log.read(last);
      const [first] = events;
      if (first === undefined) return last;
      // The log was truncated while this consumer was catching up.
      if (first.seq > last + 1) socket.send(OUTDATED);
      for (const { seq, frame } of events) {
        if (!await this.#drained(socket, gone)) {
          this.#dropSlow(socket);
          return undefined;
        }
        if (gone.aborted) return undefined;
        socket.send(frame);
        last = seq;
      }
    }
    return undefined;
  }

  /** Sends every event after number `from` until the consumer disconnects. */
  async #follow(
    socket: FirehoseSocket,
    from: number,
    gone: AbortSignal,
  ): Promise<void> {
    let last: number | undefined = from;
    while (last !== undefined) {
      const over = Promise.withResolvers<void>();
      const take = (batch: Batch) => {
        try {
          if (this.#send(socket, batch)) return;
          this.#dropSlow(socket);
          over.resolve();
        } catch (error) {
          over.reject(error);
        }
      };
      const send = (event: LoggedEvent) => this.#fanOut.add(event, take);
      const stop = this.#live.follow(last, send);
      if (stop === undefined) {
        last = await this.#backfill(socket, last, gone);
        continue;
      }
      gone.addEventListener("abort", () => over.resolve(), { once: true });
      if (gone.aborted) over.resolve();
      try {
        return await over.promise;
      } finally {
        stop();
        this.#fanOut.remove(take);
      }
    }
  }

  /** Returns false when too much is unsent. */
  #send(socket: FirehoseSocket, { frames, messages }: Batch): boolean {
    const { maxBufferedBytes } = this.#limits;
    if (socket.sendMessages) {
      if (socket.bufferedAmount > maxBufferedBytes) return false;
      if (socket.readyState === OPEN) socket.sendMessages(messages());
      return true;
    }
    for (const frame of frames) {
      if (socket.bufferedAmount > maxBufferedBytes) return false;
      socket.send(frame);
    }
    return true;
  }

  #dropSlow(socket: FirehoseSocket): void {
    this.#tooSlow++;
    socket.send(
      errorFrame("ConsumerTooSlow", "The consumer does not keep up."),
    );
    socket.close(POLICY_VIOLATION, "ConsumerTooSlow");
  }

  /** Waits until little is unsent; returns false when there was no progress for too long. */
  async #drained(socket: FirehoseSocket, gone: AbortSignal): Promise<boolean> {
    let least = Infinity;
    let since = this.#clock.now();
    while (socket.bufferedAmount > BACKFILL_BYTES && !gone.aborted) {
      if (socket.bufferedAmount < least) {
        least = socket.bufferedAmount;
        since = this.#clock.now();
      } else if (this.#clock.now() - since > this.#limits.stallMs) return false;
      await this.#clock.sleep(DRAIN_MS, gone);
    }
    return true;
  }
}

const OUTDATED = infoFrame(
  "OutdatedCursor",
  "Requested cursor exceeded limit. Possibly missing events",
);
