/**
 * Clients that hold connections and do little with them: they send a byte now
 * and then, never read, or say nothing at all.
 *
 * @module
 */

import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Instance } from "./world.ts";

const HEADS = [
  // Nothing at all.
  () => "",
  // Half a head.
  () => "GET /v2/ HTTP/1.1\r\nhost: local",
  // A body that does not come.
  () =>
    "POST /auth/token HTTP/1.1\r\nhost: localhost\r\n" +
    "content-type: application/x-www-form-urlencoded\r\ncontent-length: 900\r\n\r\n",
  // Many requests whose responses are not read.
  () => "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(200),
] as const;

/** Keeps about `count` such connections open until `signal` is aborted. */
export async function runSlowClients(
  instances: readonly Instance[],
  count: number,
  random: Random,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(Array.from({ length: count }, async () => {
    while (!signal.aborted) {
      const kind = random.below(HEADS.length);
      const { origin } = random.pick(instances);
      const stayMs = 1_000 + random.below(30_000);
      await dawdle(origin, HEADS[kind]?.() ?? "", stayMs, signal);
      tally.count(`slow client of kind ${kind}`);
    }
  }));
}

async function dawdle(
  origin: string,
  head: string,
  stayMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { hostname, port } = new URL(origin);
  let connection: Deno.TcpConn;
  try {
    connection = await Deno.connect({ hostname, port: Number(port) });
  } catch {
    return await wait(500, signal); // the instance is down
  }
  try {
    await connection.write(new TextEncoder().encode(head));
    const end = Date.now() + stayMs;
    while (Date.now() < end && !signal.aborted) {
      await wait(1_000, signal);
      if (head !== "") await connection.write(new Uint8Array([120]));
    }
  } catch {
    // The server has had enough.
  } finally {
    connection.close();
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
