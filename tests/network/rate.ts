/**
 * How fast the index catches up: events per second, and processor time per
 * event, from a stream server to rows in a file.
 *
 *   deno task bench:network [EVENTS [ACCOUNTS [bare | strangers]]]
 *
 * With `bare` no part of the index does anything with the records; with
 * `strangers` there are only events of accounts that are not known.
 *
 * @module
 */

import process from "node:process";
import { JetstreamConsumer } from "../../lib/atproto/jetstream/consumer.ts";
import { readJetstream } from "../../lib/atproto/jetstream/jetstream.ts";
import { systemClock } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import { RepositoryRecords } from "../../lib/index/cards/repository_records.ts";
import { IndexNetwork } from "../../lib/index/network/network.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { Metrics } from "../../lib/metrics.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const [events = 50_000, accounts = 1_000] = Deno.args.slice(0, 2).map(Number);
const [, , mode = "index"] = Deno.args;
const folder = await Deno.makeTempDir({ prefix: "atcr-rate-" });
const kv = await openKv(`${folder}/kv.sqlite3`);
const server = new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "-A",
    new URL("stream_server.ts", import.meta.url).pathname,
    `${events}`,
    `${accounts}`,
    mode,
  ],
  stdout: "piped",
}).spawn();
const reader = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
const url = ((await reader.read()).value ?? "").trim();

const repositories = new RepositoryRecords({
  kv,
  watch: new Metrics().index,
  defaultHold: "did:web:hold.example.com",
  maxTags: 20_000,
  maxRepositories: 2_000,
  maxManifests: 50_000,
});
const nobody = () => Promise.reject(new AppError("UPSTREAM_FAILED", "No."));
const network = new IndexNetwork({
  kv,
  clock: systemClock,
  log: silentLogger,
  runner: { register() {}, wake() {} },
  identities: { resolve: nobody },
  heads: { head: nobody },
  pds: { listCollections: nobody, listRecords: nobody },
  relay: undefined,
  records: mode === "bare"
    ? [{ collections: ["io.atcr.tag"], apply: () => Promise.resolve() }]
    : [repositories],
  accounts: [],
  observer: { eventsTaken() {}, change() {}, listed() {} },
  maxRecords: 50_000,
});
let taken = 0;
const done = new AbortController();
const consumer = new JetstreamConsumer({
  kv,
  clock: systemClock,
  log: silentLogger,
  open: (url, cursor, signal) =>
    readJetstream(
      { url, cursor, collections: [], userAgent: "rate" },
      systemClock,
      signal,
    ),
  take: async (batch) => {
    await network.take(batch);
    taken += batch.events.length;
    if (taken >= events) done.abort();
  },
}, {
  name: "rate",
  urls: [url],
  lease: "rate",
  placeKey: ["rate"],
  maxReplayMs: 3_600_000,
});
const began = performance.now();
const cpu = process.cpuUsage();
await consumer.run(done.signal);
const seconds = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(cpu);
const { size } = await Deno.stat(`${folder}/kv.sqlite3`);
const report = JSON.stringify({
  events,
  accounts,
  mode,
  seconds: Number(seconds.toFixed(1)),
  events_per_second: Math.round(events / seconds),
  cpu_ms_per_event: Number(((user + system) / 1000 / events).toFixed(3)),
  rss_mb: Math.round(process.memoryUsage().rss / 1e6),
  file_mb: Number((size / 1e6).toFixed(1)),
});
Deno.stdout.writeSync(new TextEncoder().encode(`${report}\n`));
kv.close();
server.kill();
await reader.cancel();
await server.status;
await Deno.remove(folder, { recursive: true });
