/**
 * WebSockets of `com.atproto.sync.subscribeRepos`.
 *
 * @module
 */

import type { IncomingMessage } from "node:http";
import { Buffer } from "node:buffer";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { AppError } from "../../../lib/errors.ts";
import type { Firehose } from "../../../lib/repo/events/firehose.ts";
import type { FirehoseSocket } from "../../../lib/repo/events/firehose_socket.ts";
import type { Upgrade } from "../../server/serve.ts";

/** Path of the event stream. */
const FIREHOSE_PATH = "/xrpc/com.atproto.sync.subscribeRepos";

/** Consumers send nothing but pongs. */
const MAX_MESSAGE_BYTES = 1024;

/** The platform pings a consumer that is silent for this long. */
const IDLE_SECONDS = 30;

/**
 * The `cursor` of a query, undefined when there is none. Throws AppError
 * `INVALID_REQUEST` when it is not a number.
 */
export function cursorOf(query: URLSearchParams): number | undefined {
  const text = query.get("cursor");
  if (text === null || text === "") return undefined;
  const cursor = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(cursor)) return cursor;
  throw new AppError(
    "INVALID_REQUEST",
    "The parameter cursor must be the number of an event.",
  );
}

/** Serves `firehose` on a socket of any kind until it closes. */
function attachFirehose(
  firehose: Firehose,
  socket: FirehoseSocket,
  cursor: number | undefined,
  client?: string,
): void {
  void firehose.serve(socket, cursor, client); // Never throws.
}

/**
 * Handles WebSocket upgrades of a `node:http` server. `subject` returns the
 * subject that a connection is counted for; none by default.
 */
export function createFirehoseUpgrade(
  firehose: Firehose,
  subject: (request: IncomingMessage) => string | undefined = () => undefined,
): Upgrade {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    // No subprotocol is spoken; by default the first offered one is agreed to.
    handleProtocols: () => false,
  });
  const wants = ({ url, headers }: IncomingMessage) =>
    url?.split("?", 1)[0] === FIREHOSE_PATH &&
    headers.upgrade?.toLowerCase() === "websocket";
  const take = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    const { searchParams } = new URL(request.url ?? "/", "http://localhost");
    let cursor: number | undefined;
    try {
      cursor = cursorOf(searchParams);
    } catch (error) {
      const message = error instanceof AppError ? error.message : "";
      socket.end(badRequest(message));
      return;
    }
    const client = subject(request);
    sockets.handleUpgrade(request, socket, Buffer.from(head), (connected) => {
      // Encoded messages bypass the framing of `ws`.
      const sendMessages = (messages: Uint8Array) => {
        socket.write(messages);
      };
      const onPong = (listener: () => void) => connected.on("pong", listener);
      const consumer = Object.assign(connected, { sendMessages, onPong });
      attachFirehose(firehose, consumer, cursor, client);
    });
  };
  return { wants, take };
}

/** Handles WebSocket upgrades of `Deno.serve`. */
export function createDenoUpgrade(
  firehose: Firehose,
): (request: Request, cursor: number | undefined) => Response {
  return (request, cursor) => {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: IDLE_SECONDS,
    });
    attachFirehose(firehose, socket, cursor);
    return response;
  };
}

function badRequest(message: string): string {
  const body = JSON.stringify({ error: "InvalidRequest", message });
  return [
    "HTTP/1.1 400 Bad Request",
    "connection: close",
    "content-type: application/json",
    `content-length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}
