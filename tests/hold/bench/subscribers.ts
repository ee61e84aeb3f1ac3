/**
 * Subscribers of a firehose, in a process of their own: many connections that
 * read as fast as they can and look for the time at which an event was caused.
 *
 * Arguments: port of the hold, number of subscribers. Prints `ready` when all
 * are connected; for each line on standard input, what they have received
 * since the last one: a JSON list of latencies in milliseconds, per event.
 *
 * @module
 */

import { Buffer } from "node:buffer";

const [port, count] = Deno.args.map(Number);

/** Stands before the time in every record. */
const MARK = Buffer.from("caused at ");
const DIGITS = 13;

const BUFFER_BYTES = 64 * 1024;

let latencies: number[] = [];

async function subscribe(): Promise<void> {
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: port ?? 0,
  });
  const request = [
    "GET /xrpc/com.atproto.sync.subscribeRepos HTTP/1.1",
    `Host: localhost:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${btoa("0123456789abcdef")}`,
  ];
  await connection.write(
    new TextEncoder().encode(`${request.join("\r\n")}\r\n\r\n`),
  );
  const buffer = Buffer.alloc(BUFFER_BYTES);
  await connection.read(buffer);
  void read(connection, buffer);
}

/** Reads until the connection ends, always into the same `buffer`. */
async function read(connection: Deno.Conn, buffer: Buffer): Promise<void> {
  let kept = 0;
  for (;;) {
    const count = await connection.read(buffer.subarray(kept));
    if (count === null) return;
    const now = Date.now();
    const bytes = buffer.subarray(0, kept + count);
    let end = 0;
    let at = bytes.indexOf(MARK);
    while (at >= 0 && at + MARK.length + DIGITS <= bytes.length) {
      end = at + MARK.length + DIGITS;
      latencies.push(
        now - Number(bytes.toString("latin1", at + MARK.length, end)),
      );
      at = bytes.indexOf(MARK, end);
    }
    // A mark may be cut by the end of a packet.
    const keep = at >= 0
      ? at
      : Math.max(end, bytes.length - MARK.length - DIGITS);
    kept = bytes.copy(buffer, 0, keep);
  }
}

const say = (text: string) =>
  Deno.stdout.write(new TextEncoder().encode(`${text}\n`));

await Promise.all(Array.from({ length: count ?? 0 }, subscribe));
await say("ready");
for await (const _ of Deno.stdin.readable) {
  const taken = latencies.sort((a, b) => a - b);
  latencies = [];
  const at = (share: number) =>
    taken[Math.min(taken.length - 1, Math.floor(taken.length * share))];
  await say(JSON.stringify({
    received: taken.length,
    p50: at(0.5),
    p99: at(0.99),
    max: taken.at(-1),
  }));
}
Deno.exit(0);
