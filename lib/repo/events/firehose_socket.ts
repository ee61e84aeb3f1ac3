/**
 * One connection of the event stream.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import type { Logger } from "../../log.ts";

const PING_MS = 30_000;
/** Pings without answer after which a consumer is gone. */
const MISSED_PINGS = 2;

const POLICY_VIOLATION = 1008;

/** What is needed of a WebSocket; those of the platform and of `ws` fit. */
export interface FirehoseSocket {
  /** 0 while connecting, 1 while open. */
  readonly readyState: number;
  /** Bytes that were sent and are still here. */
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  /** Where it exists it takes whole messages as they go over the connection. */
  sendMessages?(messages: Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(
    type: "open" | "close" | "error",
    listener: () => void,
  ): void;
  /** Where it exists it is called every half minute, so that proxies keep the connection. */
  ping?(): void;
  /** Calls `listener` for each answer to a ping; where it exists, who misses two is dropped. */
  onPong?(listener: () => void): void;
  /** Ends the connection without a farewell, which nobody would answer. */
  terminate?(): void;
}

/** Resolves when the connection is open or gone. */
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

/** Pings until the connection is gone; ends one that answers no more. */
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
