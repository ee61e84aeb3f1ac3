/**
 * One connection to a Jetstream server, read in batches with backpressure:
 * while a batch is processed, only a bounded number of events is read.
 *
 * @module
 */

import { WebSocket } from "ws";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { type JetstreamEvent, parseJetstreamEvent } from "./jetstream_event.ts";

/** Options of {@linkcode readJetstream}. */
export interface JetstreamOptions {
  /** Address of the stream, for example `wss://jetstream.example.com/subscribe`; chosen by the operator. */
  readonly url: string;
  /** Collections to receive commits of; identity and account events are always sent. */
  readonly collections: readonly string[];
  /** Start after this cursor, in microseconds; without it with live events. */
  readonly cursor: number | undefined;
  readonly userAgent: string;
}

/** Events that were received together. */
export interface JetstreamBatch {
  readonly events: readonly JetstreamEvent[];
  /** Frames that are not known events. */
  readonly ignored: number;
}

/** Larger events are omitted by the server; a profile has a few kilobytes. */
const MAX_EVENT_BYTES = 256 << 10;
/** Reading pauses while this many frames are queued; frames already read are still delivered. */
const MAX_WAITING = 1_000;
const CONNECT_MS = 10_000;
/** Ping interval; a server that is silent for twice as long is considered gone. */
const PING_MS = 30_000;

/**
 * Yields batches until `signal` is aborted, which ends the iteration without
 * error. Throws AppError `UPSTREAM_FAILED` when the server cannot be reached,
 * closes the connection, stops responding or sends too large a frame.
 */
export async function* readJetstream(
  options: JetstreamOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<JetstreamBatch> {
  if (signal.aborted) return;
  const waiting: string[] = [];
  const ended = new AbortController();
  let wake = Promise.withResolvers<void>();
  let alive = true;
  let binary = 0;
  const socket = new WebSocket(addressOf(options), {
    headers: { "user-agent": options.userAgent },
    handshakeTimeout: CONNECT_MS,
    maxPayload: 2 * MAX_EVENT_BYTES,
    perMessageDeflate: false,
  });
  const end = (reason: string, cause?: unknown) => {
    if (!ended.signal.aborted) ended.abort(lost(options.url, reason, cause));
    socket.terminate();
    wake.resolve();
  };
  const stop = () => end("is not needed any more");
  signal.addEventListener("abort", stop, { once: true });
  socket.on("message", (data: unknown, isBinary: boolean) => {
    alive = true;
    if (isBinary) binary++;
    else waiting.push(String(data));
    if (waiting.length >= MAX_WAITING) socket.pause();
    wake.resolve();
  });
  socket.on("pong", () => alive = true);
  socket.on("error", (error: Error) => end(`failed: ${error.message}`, error));
  socket.on("close", (code: number) => end(`closed the connection (${code})`));
  void (async () => {
    for (;;) {
      await clock.sleep(PING_MS, ended.signal);
      if (ended.signal.aborted) return;
      if (!alive && !socket.isPaused) return end("fell silent");
      alive = false;
      if (socket.readyState === WebSocket.OPEN) socket.ping();
    }
  })();
  try {
    for (;;) {
      await wake.promise;
      wake = Promise.withResolvers();
      if (signal.aborted) return;
      const frames = waiting.splice(0);
      socket.resume();
      const events = frames.map(parseJetstreamEvent)
        .filter((event) => event !== undefined);
      const ignored = frames.length - events.length + binary;
      binary = 0;
      if (frames.length > 0 || ignored > 0) yield { events, ignored };
      if (ended.signal.aborted && waiting.length === 0) {
        throw ended.signal.reason;
      }
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

function addressOf({ url, collections, cursor }: JetstreamOptions): URL {
  const address = new URL(url);
  for (const collection of collections) {
    address.searchParams.append("wantedCollections", collection);
  }
  address.searchParams.set("maxMessageSizeBytes", String(MAX_EVENT_BYTES));
  if (cursor !== undefined) address.searchParams.set("cursor", String(cursor));
  return address;
}

function lost(url: string, reason: string, cause: unknown): AppError {
  return new AppError(
    "UPSTREAM_FAILED",
    `The Jetstream server ${new URL(url).host} ${reason}.`,
    cause === undefined ? {} : { cause },
  );
}
