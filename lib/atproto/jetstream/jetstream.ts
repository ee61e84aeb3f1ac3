/**
 * One connection to a Jetstream server, read in batches with backpressure:
 * while a batch is processed, only a bounded number of events is read.
 *
 * @module
 */

import { WebSocket } from "ws";
import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { type JetstreamEvent, parseJetstreamFrame } from "./jetstream_event.ts";

/** Options of {@linkcode readJetstream}. */
export interface JetstreamOptions {
  /**
   * Address of the stream, chosen by the operator: of the old endpoint
   * (`wss://jetstream.example.com/subscribe`) or the new one
   * (`…/xrpc/network.bsky.jetstream.subscribeEvents`).
   */
  readonly url: string;
  /** Collections to receive commits of; identity and account events are always sent. */
  readonly collections: readonly string[];
  /** Accounts to receive events of, at most {@linkcode MAX_DIDS}; all by default. */
  readonly dids?: readonly Did[] | undefined;
  /** Start after this cursor, in microseconds; without it with live events. */
  readonly cursor: number | undefined;
  readonly userAgent: string;
}

/** Events that were received together. */
export interface JetstreamBatch {
  readonly events: readonly JetstreamEvent[];
  /** Frames that are not known events, or too large. */
  readonly ignored: number;
  /** The server reported that it could not start at the cursor: events are missing. */
  readonly gap?: boolean;
}

/** Accounts that a server can filter by. */
export const MAX_DIDS = 10_000;

/**
 * Larger events are ignored. A record has at most 1 MB as CBOR, and up to six
 * times that where JSON has to escape it. The limit is not sent to the server
 * (`maxMessageSizeBytes`), which would omit larger deletions as well.
 */
const MAX_EVENT_BYTES = 4 << 20;
/** Larger frames end the connection. */
const MAX_FRAME_BYTES = 16 << 20;
/**
 * Reading pauses while this many frames or bytes are queued; frames already read
 * are still delivered. Changes of an account are stored together, so that in a
 * replay more frames cost less processor time each.
 */
const MAX_WAITING = 16_000;
const MAX_WAITING_BYTES = 8 << 20;
/**
 * Events that come within this time after a batch are the next batch, in
 * milliseconds: each batch has commits of its own.
 */
const GATHER_MS = 200;
/** Ends that time early. Without a reason, `abort` makes an error with its stack. */
const GATHERED = "gathered";
const CONNECT_MS = 10_000;
/** Ping interval; a server that is silent for twice as long is considered gone. */
const PING_MS = 30_000;

/** Names of the parameters at the two endpoints. */
const OLD_NAMES = { collections: "wantedCollections", dids: "wantedDids" };
const NEW_NAMES = { collections: "collections", dids: "dids" };

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
  const queue = new Queue();
  const ended = new AbortController();
  let wake = Promise.withResolvers<void>();
  let gathering = new AbortController();
  let alive = true;
  const socket = new WebSocket(addressOf(options), {
    headers: { "user-agent": options.userAgent },
    handshakeTimeout: CONNECT_MS,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });
  const end = (reason: string, cause?: unknown) => {
    if (!ended.signal.aborted) ended.abort(lost(options.url, reason, cause));
    socket.terminate();
    wake.resolve();
    gathering.abort(GATHERED);
  };
  const stop = () => end("is not needed any more");
  signal.addEventListener("abort", stop, { once: true });
  socket.on("open", () => {
    const hello = helloOf(options);
    if (hello !== undefined) socket.send(hello);
  });
  socket.on("message", (data: Uint8Array, isBinary: boolean) => {
    alive = true;
    queue.add(data, isBinary);
    if (queue.isFull) {
      socket.pause();
      gathering.abort(GATHERED);
    }
    wake.resolve();
  });
  socket.on("pong", () => alive = true);
  socket.on("error", (error: Error) => end(`failed: ${error.message}`, error));
  socket.on("close", (code: number) => end(`closed the connection (${code})`));
  const ping = () => {
    if (!alive && !socket.isPaused) return end("fell silent");
    alive = false;
    if (socket.readyState === WebSocket.OPEN) socket.ping();
  };
  void repeat(ping, clock, ended.signal);
  let lastAt = -Infinity;
  try {
    for (;;) {
      await wake.promise;
      if (isWithin(lastAt, GATHER_MS, clock.now()) && !queue.isFull) {
        gathering = new AbortController();
        if (ended.signal.aborted) gathering.abort(GATHERED);
        await clock.sleep(GATHER_MS, gathering.signal);
      }
      wake = Promise.withResolvers();
      if (signal.aborted) return;
      const batch = queue.take();
      socket.resume();
      if (batch) yield batch;
      lastAt = clock.now();
      if (signal.aborted) return;
      if (ended.signal.aborted && queue.isEmpty) throw ended.signal.reason;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** Frames that were received and not processed yet. */
class Queue {
  #frames: string[] = [];
  #bytes = 0;
  #ignored = 0;

  get isFull(): boolean {
    return this.#frames.length >= MAX_WAITING ||
      this.#bytes >= MAX_WAITING_BYTES;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0 && this.#ignored === 0;
  }

  add(data: Uint8Array, isBinary: boolean): void {
    if (isBinary || data.byteLength > MAX_EVENT_BYTES) {
      this.#ignored++;
      return;
    }
    this.#frames.push(String(data));
    this.#bytes += data.byteLength;
  }

  /** Removes and parses all frames; undefined when there are none. */
  take(): JetstreamBatch | undefined {
    if (this.isEmpty) return undefined;
    const events: JetstreamEvent[] = [];
    let [gap, ignored] = [false, this.#ignored];
    for (const text of this.#frames) {
      const frame = parseJetstreamFrame(text);
      if (frame === "gap") gap = true;
      else if (frame) events.push(frame);
      else ignored++;
    }
    [this.#frames, this.#bytes, this.#ignored] = [[], 0, 0];
    return gap ? { events, ignored, gap } : { events, ignored };
  }
}

/** Calls `ping` at its interval until `signal` is aborted. */
async function repeat(
  ping: () => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(PING_MS, signal);
    if (!signal.aborted) ping();
  }
}

function isNew({ url }: JetstreamOptions): boolean {
  return new URL(url).pathname.endsWith(
    "/xrpc/network.bsky.jetstream.subscribeEvents",
  );
}

function addressOf(options: JetstreamOptions): URL {
  const { url, collections, dids, cursor } = options;
  const address = new URL(url);
  const names = isNew(options) ? NEW_NAMES : OLD_NAMES;
  for (const collection of collections) {
    address.searchParams.append(names.collections, collection);
  }
  if (helloOf(options) !== undefined) {
    address.searchParams.set("requireHello", "true");
  } else {
    for (const did of dids ?? []) address.searchParams.append(names.dids, did);
  }
  if (cursor !== undefined) address.searchParams.set("cursor", String(cursor));
  return address;
}

/** First message of the client, where the accounts would make the address too long; the new endpoint accepts none. */
function helloOf(options: JetstreamOptions): string | undefined {
  const { collections, dids = [] } = options;
  if (dids.length <= 50 || isNew(options)) return undefined;
  return JSON.stringify({
    type: "options_update",
    payload: { wantedCollections: collections, wantedDids: dids },
  });
}

function lost(url: string, reason: string, cause: unknown): AppError {
  return new AppError(
    "UPSTREAM_FAILED",
    `The Jetstream server ${new URL(url).host} ${reason}.`,
    cause === undefined ? {} : { cause },
  );
}
