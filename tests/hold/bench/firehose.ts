/**
 * How late 200 subscribers get 200 events a second, and what that costs.
 *
 * @module
 */

import { z } from "zod";
import { short } from "../../bench/report.ts";
import { startAskedProcess } from "../../support/asked_process.ts";
import { createForger } from "../../support/forger.ts";
import { holdDid, holdEnv } from "../../support/hold.ts";
import { startProgram } from "../../support/program.ts";
import { startTestSandbox } from "../../support/sandbox.ts";
import { freePort } from "../../tools/ports.ts";
import { xrpc } from "../../support/xrpc.ts";
import { say } from "../../tools/command.ts";
import { cpuMs, peakRss, resetPeakRss } from "../../tools/server.ts";

const SUBSCRIBERS = 200;
const EVENTS_PER_SECOND = 200;
const COLLECTION = "com.example.note";

/** Nobody measures code that has just been loaded. */
const WARM_UP_SECONDS = 5;

/** Writers at the same time; one after the other may be too slow. */
const WRITERS = 16;

const received = z.object({
  received: z.number(),
  p50: z.number(),
  p99: z.number(),
  max: z.number(),
});

/** Starts the process of subscribers. */
async function subscribe(port: number) {
  const path = new URL("subscribers.ts", import.meta.url).pathname;
  const process = startAskedProcess(
    ["run", "-A", path, `${port}`, `${SUBSCRIBERS}`],
  );
  await process.line();
  return {
    report: async () => received.parse(await process.ask()),
    stop: async () => {
      await process.close();
      await process.child.status;
    },
  };
}

/** Measures latency from the request that causes an event to its arrival. */
export async function measureFirehose(quick: boolean): Promise<object> {
  const seconds = quick ? 5 : 30;
  const events = seconds * EVENTS_PER_SECOND;
  const warmUp = WARM_UP_SECONDS * EVENTS_PER_SECOND;
  await using sandbox = await startTestSandbox();
  const captain = await createForger(sandbox);
  await using program = await startProgram({
    port: freePort(),
    env: { ...holdEnv(sandbox, captain), ATCR_LOG_LEVEL: "info" },
  });
  const { origin, pid, port } = program;
  const did = holdDid(origin);
  const nsid = "com.atproto.repo.createRecord";
  const exp = Math.floor(Date.now() / 1000) + 3_000;
  const tokens: string[] = [];
  for (let i = 0; i < warmUp + events; i++) {
    tokens.push(await captain.token(did, nsid, { claims: { exp } }));
  }
  const write = async (from: number, to: number) => {
    const start = performance.now();
    let next = from;
    await Promise.all(Array.from({ length: WRITERS }, async () => {
      for (let n = next++; n < to; n = next++) {
        const due = start + (n - from) * 1000 / EVENTS_PER_SECOND;
        const early = due - performance.now();
        if (early > 0) await new Promise((done) => setTimeout(done, early));
        const text = `caused at ${Date.now()}`;
        const record = { $type: COLLECTION, text };
        const input = { repo: did, collection: COLLECTION, record };
        const token = tokens[n];
        const { status } = await xrpc(origin, nsid, { token, input });
        if (status !== 200) throw new Error(`status ${status}`);
      }
    }));
    return (performance.now() - start) / 1000;
  };
  const before = await rss(pid);
  const subscribers = await subscribe(port);
  const connected = await rss(pid);
  await write(0, warmUp);
  await settled();
  await subscribers.report();
  await resetPeakRss(pid);
  const cpu = await cpuMs(pid);
  const elapsed = await write(warmUp, warmUp + events);
  const used = (await cpuMs(pid) - cpu) / 1000;
  await settled();
  const seen = await subscribers.report();
  const peak = await peakRss(pid);
  await subscribers.stop();
  const figures = {
    subscribers: SUBSCRIBERS,
    eventsPerSecond: events / elapsed,
    sent: events * SUBSCRIBERS,
    ...seen,
    cpuMsPerEvent: used * 1000 / events,
    rssBefore: before,
    rssConnected: connected,
    rssPeak: peak,
  };
  const mb = (bytes: number) => `${short(bytes / 1e6)} MB`;
  await say(
    `${short(figures.eventsPerSecond)} events/s to ${SUBSCRIBERS} ` +
      `subscribers: ${seen.received} of ${figures.sent} messages, ` +
      `p50 ${seen.p50} ms, p99 ${seen.p99} ms, latest ${seen.max} ms; ` +
      `${short(figures.cpuMsPerEvent)} ms of a processor an event; memory ` +
      `${mb(before)}, ${mb(connected)} with subscribers, peak ${mb(peak)}`,
  );
  return figures;
}

/** Waits until everything under way has arrived. */
function settled(): Promise<void> {
  return new Promise((done) => setTimeout(done, 1_000));
}

/** Resident memory of a process in bytes (Linux). */
async function rss(pid: number): Promise<number> {
  await resetPeakRss(pid);
  return await peakRss(pid);
}
