/**
 * Follows a stream of events, on one of the instances that share a store: it
 * resumes at the stored cursor, and uses the next server when one fails.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Atomic, Key, Kv } from "../../kv/kv.ts";
import type { Lease } from "../../kv/held_lease.ts";
import { acquireLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import type { JetstreamBatch } from "./jetstream.ts";
import { QuietSignal } from "./quiet_signal.ts";

export interface ConsumerDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens the stream of a server after `cursor`, in microseconds since the Unix epoch; it throws when it ends. */
  readonly open: (
    url: string,
    cursor: number | undefined,
    signal: AbortSignal,
  ) => AsyncIterable<JetstreamBatch>;
  /** Processes a batch; the next one is read when it has resolved. Events are delivered again after a restart. */
  readonly take: (batch: JetstreamBatch) => Promise<void>;
  /**
   * Adds to the commit that stores the first cursor, when events were missed
   * that servers no longer replay, or the stream is followed for the first time.
   */
  readonly onGap?: (commit: Atomic) => void;
  readonly observer?: StreamObserver;
  /** From 0 up to 1; `Math.random` by default. */
  readonly random?: () => number;
}

/** Options of {@linkcode JetstreamConsumer}. */
export interface ConsumerOptions {
  /** Name of the stream in logs and metrics. */
  readonly name: string;
  /** Servers in order of preference, at least one. */
  readonly urls: readonly string[];
  /** Name of the lease of the instance that follows the stream. */
  readonly lease: string;
  /** Key of the stored cursor. */
  readonly placeKey: Key;
  /** Older events are not requested; milliseconds. */
  readonly maxReplayMs: number;
  /** With several servers, one that sends nothing for this time is replaced by the next; off by default; milliseconds. */
  readonly silenceMs?: number;
}

/** Records metrics of streams; must not throw. */
export interface StreamObserver {
  /** Whether this instance follows the stream now. */
  streamConnected(stream: string, connected: boolean): void;
  /** Everything before this time was processed; milliseconds since the Unix epoch. */
  streamPlace(stream: string, at: number): void;
  streamFailed(stream: string): void;
}

/** A stored cursor. */
interface Place {
  /** Microseconds since the Unix epoch. */
  readonly timeUs: number;
  /** Server whose clock it refers to. */
  readonly url: string;
}

const LEASE_MS = 30_000;
/** How often the cursor is stored, in milliseconds. */
const SAVE_MS = 5_000;
/** How far to rewind from the stored cursor; milliseconds. */
const REWIND_MS = 5_000;
/** The same for another server, whose clock may differ. */
const OTHER_REWIND_MS = 60_000;
/** Pause after the first failure; doubled with each round of all servers, in milliseconds. */
const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** Servers may fail for this time after a gap before it counts as another gap; milliseconds. */
const RETRY_MS = 1_800_000;
/** A stream that is quiet for this time has been replayed; milliseconds. */
const QUIET_MS = 3_000;

/** Follows one stream. */
export class JetstreamConsumer {
  readonly #deps: ConsumerDeps;
  readonly #options: ConsumerOptions;
  #savedAt = 0;
  /** Index of the server in use. */
  #server = 0;

  constructor(deps: ConsumerDeps, options: ConsumerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Follows the stream, or waits for the lease, until `signal` is aborted.
   * Never rejects: failures are logged and retried after a growing pause, in
   * which another instance may take over.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, observer, random = Math.random } = this.#deps;
    const { name, urls } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const lease = await this.#lease();
        if (lease === undefined) {
          await clock.sleep(LEASE_MS * (0.5 + random() / 2), signal);
          continue;
        }
        await this.#with(
          lease,
          signal,
          (held) => this.#follow(held, { onEvents: () => failures = 0 }),
        );
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        this.#server = (this.#server + 1) % urls.length;
        observer?.streamFailed(name);
        log.warn("events of the network are not heard", {
          stream: name,
          failures,
          error,
        });
      }
      const round = Math.floor((failures - 1) / urls.length);
      const longest = Math.min(
        LONGEST_PAUSE_MS,
        FIRST_PAUSE_MS * 2 ** Math.min(round, 10),
      );
      await clock.sleep(longest * (0.5 + random() / 2), signal);
    }
  }

  /**
   * Processes the events since the stored cursor and ends, after `limitMs` at
   * the latest; for platforms that run nothing between requests. Does nothing
   * while another instance follows the stream. Throws errors of the server and
   * of processing.
   */
  async catchUp(signal: AbortSignal, limitMs: number): Promise<void> {
    const { clock } = this.#deps;
    const { urls } = this.#options;
    const upTo = clock.now();
    const lease = await this.#lease();
    if (lease === undefined) return;
    const limit = new AbortController();
    const done = new AbortController();
    void clock.sleep(limitMs, done.signal).then(() => limit.abort());
    try {
      const until = AbortSignal.any([signal, limit.signal]);
      await this.#with(
        lease,
        until,
        (held) => this.#follow(held, { upTo }),
      );
    } catch (error) {
      if (limit.signal.aborted) return;
      this.#server = (this.#server + 1) % urls.length;
      throw error;
    } finally {
      done.abort();
    }
  }

  #lease(): Promise<Lease | undefined> {
    const { kv, clock } = this.#deps;
    return acquireLease(kv, clock, this.#options.lease, { ttlMs: LEASE_MS });
  }

  async #with(
    lease: Lease,
    signal: AbortSignal,
    work: (held: AbortSignal) => Promise<void>,
  ): Promise<void> {
    const { observer } = this.#deps;
    const { name } = this.#options;
    try {
      observer?.streamConnected(name, true);
      await work(AbortSignal.any([signal, lease.signal]));
    } finally {
      observer?.streamConnected(name, false);
      await lease.release();
    }
  }

  /** One connection; with `upTo` it ends at the first event of that time, or when none arrive. */
  async #follow(
    signal: AbortSignal,
    { onEvents, upTo }: { onEvents?: () => void; upTo?: number },
  ): Promise<void> {
    const { kv, clock, log, observer, open, take } = this.#deps;
    const { name, urls, placeKey } = this.#options;
    const url = urls[this.#server] ?? "";
    const cursor = await this.#start(url);
    log.info("listening to events of the network", { stream: name, cursor });
    let done: Place | undefined;
    const quiet = upTo === undefined ? this.#silence() : QUIET_MS;
    const watched = new QuietSignal(clock, signal, quiet);
    try {
      for await (const batch of open(url, cursor, watched.signal)) {
        watched.pause();
        await take(batch);
        if (batch.gap) await this.#gap(batch);
        const last = batch.events.at(-1);
        watched.begin();
        if (last === undefined) continue;
        onEvents?.();
        done = { timeUs: last.timeUs, url };
        observer?.streamPlace(name, last.timeUs / 1000);
        if (upTo !== undefined && last.timeUs >= upTo * 1000) return;
        if (clock.now() - this.#savedAt < SAVE_MS) continue;
        this.#savedAt = clock.now();
        await kv.set(placeKey, done);
      }
      if (watched.isOver && upTo === undefined) throw silent(url);
    } finally {
      watched.pause();
      if (done !== undefined) await kv.set(placeKey, done);
    }
  }

  #silence(): number | undefined {
    const { urls, silenceMs } = this.#options;
    return urls.length > 1 ? silenceMs : undefined;
  }

  /** Returns the first cursor: slightly before the stored one, but not in the distant past. */
  async #start(url: string): Promise<number | undefined> {
    const { kv, clock, onGap } = this.#deps;
    const { placeKey, maxReplayMs } = this.#options;
    const now = clock.now();
    const saved = await kv.get<Place | number>(placeKey);
    const place = saved && placeOf(saved.value);
    const oldest = (now - maxReplayMs) * 1000;
    if (onGap && (place === undefined || place.timeUs < oldest)) {
      // Stored, so that a failing server does not cause another gap.
      const timeUs = place ? oldest + RETRY_MS * 1000 : now * 1000;
      const commit = kv.atomic().check(placeKey, saved?.versionstamp ?? null)
        .set(placeKey, { timeUs, url });
      onGap(commit);
      await commit.commit();
      return timeUs;
    }
    if (place === undefined) return undefined;
    const rewind = place.url === url ? REWIND_MS : OTHER_REWIND_MS;
    const from = Math.min(place.timeUs, now * 1000) - rewind * 1000;
    return Math.max(from, oldest);
  }

  /** Reports events that the server could not replay. */
  async #gap(batch: JetstreamBatch): Promise<void> {
    const { kv, log, onGap } = this.#deps;
    const { name } = this.#options;
    log.warn("a server has not kept all events", {
      stream: name,
      first: batch.events[0]?.timeUs,
    });
    const commit = kv.atomic();
    onGap?.(commit);
    await commit.commit();
  }
}

/** Rows of earlier versions contain only the time. */
function placeOf(value: Place | number): Place {
  return typeof value === "number" ? { timeUs: value, url: "" } : value;
}

function silent(url: string): AppError {
  return new AppError(
    "UPSTREAM_FAILED",
    `The Jetstream server ${
      new URL(url).host
    } has sent nothing for a long time.`,
  );
}
