/**
 * One connection of the event stream.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";

const PING_MS = 30_000;
/** Unanswered pings after which a consumer is dropped. */
const MISSED_PINGS = 2;

const POLICY_VIOLATION = 1008;

/** The subset of WebSocket that is used; implemented by the platform's and that of `ws`. */
export interface FirehoseSocket {
  /** 0 while connecting, 1 while open. */
  readonly readyState: number;
  /** Bytes buffered but not yet transmitted. */
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  /** If present, writes encoded messages directly to the connection. */
  sendMessages?(messages: Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "close" | "error",
    listener: () => void,
  ): void;
  /** If present, called every half minute, so that proxies keep the connection open. */
  ping?(): void;
  /** If present, calls `listener` for each pong; a consumer that misses two is dropped. */
  onPong?(listener: () => void): void;
  /** Ends the connection without a close frame, which would not be answered. */
  terminate?(): void;
}

/** Resolves when the connection is open or closed. */
export function opened(
  socket: FirehoseSocket,
  gone: AbortSignal,
): Promise<void> {
  if (socket.readyState !== 0) return Promise.resolve();
  return new Promise((resolve) => {
    socket.addEventListener("open", resolve);
    gone.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Pings until the connection is closed; terminates one that does not answer. */
export async function keepAlive(
  socket: FirehoseSocket,
  clock: Clock,
  log: Logger,
  gone: AbortSignal,
): Promise<void> {
  if (socket.ping === undefined) return;
  let missed = 0;
  socket.onPong?.(() => missed = 0);
  for (;;) {
    await clock.sleep(PING_MS, gone);
    if (gone.aborted) return;
    if (socket.onPong && missed >= MISSED_PINGS) {
      log.info("a firehose consumer answers no pings");
      if (socket.terminate) socket.terminate();
      else socket.close(POLICY_VIOLATION, "no answer to pings");
      return;
    }
    missed++;
    socket.ping();
  }
}
