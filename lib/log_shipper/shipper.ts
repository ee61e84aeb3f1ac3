/**
 * Sends log lines to a log service, in batches. Lines wait in a queue of
 * limited length: a service that is slow or away costs lines, which are
 * counted, and never memory or time of requests.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { type LogBackend, logRequest, refusedLines } from "./forms.ts";

/** Options of {@linkcode LogShipper}. */
export interface LogShipperOptions {
  readonly backend: LogBackend;
  readonly url: string;
  /** Lines of a request. */
  readonly batchSize: number;
  /** Milliseconds after which fewer lines are sent. */
  readonly flushMs: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export interface LogShipperDeps {
  /** Calls addresses of the operator's configuration. */
  readonly fetch: (
    url: string,
    init: {
      readonly timeoutMs: number;
      readonly method: string;
      readonly headers: Record<string, string>;
      readonly body: string;
    },
  ) => Promise<Response>;
  readonly clock: Clock;
  /** Called when lines are lost after none were, and when lines arrive again. */
  readonly onChange?: (arrives: boolean, reason: string) => void;
}

/** Lines that wait; further ones are dropped. */
const MAX_QUEUE = 10_000;

/** Characters that wait, about their bytes. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** Characters of a request, unless a single line is longer. */
const MAX_BATCH_CHARACTERS = 1024 * 1024;

/** Time for a request, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Longest pause after failures, in milliseconds. */
const MAX_PAUSE_MS = 60_000;

/** A queue of log lines and the loop that sends them. */
export class LogShipper {
  readonly #options: LogShipperOptions;
  readonly #deps: LogShipperDeps;
  readonly #queue: string[] = [];
  readonly #stopped = new AbortController();
  #length = 0;
  #dropped = 0;
  #sent = 0;
  #arrives = true;
  #wake: () => void = () => {};
  #running: Promise<void> | undefined;

  constructor(options: LogShipperOptions, deps: LogShipperDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Lines that were lost, since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Lines that the service took, since the start. */
  get sent(): number {
    return this.#sent;
  }

  /** Adds a line; drops it when the queue is full. */
  add(line: string): void {
    const isFull = this.#queue.length >= MAX_QUEUE ||
      this.#length + line.length > MAX_CHARACTERS;
    if (isFull || this.#stopped.signal.aborted) {
      this.#dropped++;
      return;
    }
    this.#queue.push(line);
    this.#length += line.length;
    if (this.#queue.length >= this.#options.batchSize) this.#wake();
  }

  /** Begins to send. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Sends what waits and ends; what cannot be sent within `limitMs` is dropped. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    const until = this.#deps.clock.now() + limitMs;
    while (this.#queue.length > 0) {
      const left = until - this.#deps.clock.now();
      if (left <= 0 || !await this.#deliver(left)) break;
    }
    this.#dropped += this.#queue.length;
    this.#queue.length = 0;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const { clock } = this.#deps;
    const { flushMs, batchSize } = this.#options;
    let failures = 0;
    while (!signal.aborted) {
      const full = new AbortController();
      this.#wake = () => full.abort();
      // After a failure a full queue must not cause requests without a pause.
      const pause = failures === 0
        ? flushMs
        : Math.min(flushMs * 2 ** failures, MAX_PAUSE_MS);
      const isReady = failures === 0 && this.#queue.length >= batchSize;
      const ends = failures === 0
        ? AbortSignal.any([signal, full.signal])
        : signal;
      if (!isReady) await clock.sleep(pause, ends);
      if (signal.aborted || this.#queue.length === 0) continue;
      failures = await this.#deliver(TIMEOUT_MS) ? 0 : failures + 1;
    }
  }

  /** Sends the oldest lines; returns false when they shall be sent again. */
  async #deliver(timeoutMs: number): Promise<boolean> {
    const lines = this.#oldest();
    const { username, password, backend, url } = this.#options;
    const request = logRequest(backend, url, lines);
    const headers: Record<string, string> = {
      "content-type": request.contentType,
    };
    if (username !== undefined) {
      const bytes = new TextEncoder().encode(`${username}:${password ?? ""}`);
      headers["authorization"] = `Basic ${bytes.toBase64()}`;
    }
    try {
      const response = await this.#deps.fetch(request.url, {
        method: "POST",
        headers,
        body: request.body,
        timeoutMs,
      });
      if (response.ok) {
        return this.#remove(lines, await refusedLines(backend, response));
      }
      await response.body?.cancel();
      const { status } = response;
      if (status === 429 || status >= 500) {
        return this.#failed(`status ${status}`);
      }
      // Other answers mean that these lines will never be taken.
      return this.#remove(lines, lines.length, `status ${status}`);
    } catch (error) {
      return this.#failed(error instanceof Error ? error.message : "no answer");
    }
  }

  /** The lines of the next request. */
  #oldest(): string[] {
    const lines: string[] = [];
    let length = 0;
    for (const line of this.#queue) {
      length += line.length;
      const isFull = lines.length === this.#options.batchSize ||
        length > MAX_BATCH_CHARACTERS;
      if (isFull && lines.length > 0) break;
      lines.push(line);
    }
    return lines;
  }

  /** Removes lines of which the service refused `refused`. */
  #remove(
    lines: readonly string[],
    refused: number,
    reason = "single lines were refused",
  ): true {
    this.#queue.splice(0, lines.length);
    for (const { length } of lines) this.#length -= length;
    this.#sent += lines.length - refused;
    this.#dropped += refused;
    this.#changed(refused === 0, reason);
    return true;
  }

  #failed(reason: string): false {
    this.#changed(false, reason);
    return false;
  }

  #changed(arrives: boolean, reason: string): void {
    if (arrives === this.#arrives) return;
    this.#arrives = arrives;
    this.#deps.onChange?.(arrives, reason);
  }
}
