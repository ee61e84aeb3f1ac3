/**
 * A Jetstream server on this machine: remembers what it was asked and sends
 * what tests tell it to.
 *
 * @module
 */

import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { WebSocket, WebSocketServer } from "ws";
import type { Did } from "../../lib/did.ts";

/** The server; an event that is sent is kept for those who come later with a cursor. */
export class FakeJetstream implements AsyncDisposable {
  /** Queries of the connections, in order. */
  readonly asked: URLSearchParams[] = [];
  readonly #server: WebSocketServer;
  readonly #events: { timeUs: number; frame: string }[] = [];
  #connected = Promise.withResolvers<void>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket, request) => {
      const { searchParams } = new URL(request.url ?? "/", "http://localhost");
      this.asked.push(searchParams);
      const cursor = Number(searchParams.get("cursor") ?? Infinity);
      for (const { timeUs, frame } of this.#events) {
        if (timeUs > cursor) socket.send(frame);
      }
      this.#connected.resolve();
      this.#connected = Promise.withResolvers();
    });
  }

  static async start(): Promise<FakeJetstream> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    return new FakeJetstream(server);
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `ws://127.0.0.1:${port}/subscribe`;
  }

  get clients(): number {
    return this.#server.clients.size;
  }

  /** Resolves with the next connection. */
  async connected(): Promise<void> {
    await this.#connected.promise;
  }

  /** Sends an event of `kind` about `did` to everybody. */
  emit(did: Did, timeUs: number, kind: string, body: unknown): void {
    const frame = JSON.stringify({ did, time_us: timeUs, kind, [kind]: body });
    this.#events.push({ timeUs, frame });
    this.send(frame);
  }

  /** Bytes that clients have not read yet. */
  get waiting(): number {
    return [...this.#server.clients].reduce(
      (bytes, { bufferedAmount }) => bytes + bufferedAmount,
      0,
    );
  }

  /** Sends a frame as it is. */
  send(frame: string | Uint8Array): void {
    for (const client of this.#server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(frame);
    }
  }

  /** Cuts every connection. */
  cut(): void {
    for (const client of this.#server.clients) client.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The body of a commit event. */
export function commitOf(
  collection: string,
  operation: "create" | "update" | "delete" = "update",
): Record<string, unknown> {
  return { rev: "3l3qo2vutsw2b", operation, collection, rkey: "self" };
}
