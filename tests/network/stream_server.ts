/**
 * A stream of made-up events, in a process of its own so that it does not count
 * in measurements: `stream_server.ts EVENTS ACCOUNTS [strangers]`. Prints its
 * address. The events are tags, or identity events as most accounts of the
 * network cause.
 *
 * @module
 */

import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { WebSocketServer } from "ws";
import { now as nextTid } from "@atcute/tid";

const [events = 0, accounts = 1] = Deno.args.slice(0, 2).map(Number);
const strangers = Deno.args[2] === "strangers";
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
/** Bytes that wait for the client before the server does. */
const MAX_BUFFERED = 4 << 20;

function didOf(n: number): string {
  let rest = "";
  for (let i = 0; i < 24; i++, n = Math.floor(n / 32)) rest += BASE32[n % 32];
  return `did:plc:${rest}`;
}

function frameOf(n: number): string {
  const time_us = Date.now() * 1000 + (n % 1000);
  if (strangers) {
    const did = didOf(n % accounts);
    const identity = { did, handle: "someone.example.com" };
    return JSON.stringify({ did, time_us, kind: "identity", identity });
  }
  const digest = n.toString(16).padStart(64, "0");
  const did = didOf(n % accounts);
  const tag = `v${Math.floor(n / accounts)}`;
  return JSON.stringify({
    did,
    time_us,
    kind: "commit",
    commit: {
      rev: nextTid(),
      operation: "create",
      collection: "io.atcr.tag",
      rkey: `app_${tag}`,
      cid: `bafyrei${n.toString(36).padStart(52, "a")}`,
      record: {
        $type: "io.atcr.tag",
        repository: "app",
        tag,
        manifest: `at://${did}/io.atcr.manifest/${digest}`,
        updatedAt: "2026-01-01T00:00:00.000Z",
      },
    },
  });
}

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("connection", async (socket) => {
  for (let n = 0; n < events; n++) {
    socket.send(frameOf(n));
    while (socket.bufferedAmount > MAX_BUFFERED) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
});
await once(server, "listening");
const { port } = server.address() as AddressInfo;
Deno.stdout.writeSync(
  new TextEncoder().encode(`ws://127.0.0.1:${port}/subscribe\n`),
);
