import assert from "node:assert/strict";
import { ManualClock } from "../testing_clock.ts";
import type { LogBackend } from "./forms.ts";
import { LogShipper } from "./shipper.ts";

interface Sent {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A shipper with a service that answers `answer()`. */
function open(
  backend: LogBackend,
  answer: () => Response = () => new Response(null, { status: 204 }),
  options: { batchSize?: number } = {},
) {
  const sent: Sent[] = [];
  const changes: boolean[] = [];
  const clock = new ManualClock();
  const shipper = new LogShipper({
    backend,
    url: "http://logs.test:3100/",
    batchSize: 100,
    flushMs: 5000,
    username: "me",
    password: "pw",
    ...options,
  }, {
    clock,
    fetch: (url, init) => {
      sent.push({ url, ...init });
      return Promise.resolve(answer());
    },
    onChange: (arrives) => changes.push(arrives),
  });
  return { shipper, sent, changes, clock };
}

const line = (msg: string, level = "info") =>
  JSON.stringify({ time: "2026-01-02T03:04:05.678Z", level, msg });

Deno.test("Loki gets one stream for each level, with times in nanoseconds", async () => {
  const { shipper, sent } = open("loki");
  for (const text of ["a", "b"]) shipper.add(line(text));
  shipper.add(line("c", "error"));
  await shipper.stop(1000);
  assert.equal(sent[0]?.url, "http://logs.test:3100/loki/api/v1/push");
  assert.equal(sent[0].headers["authorization"], `Basic ${btoa("me:pw")}`);
  const { streams } = JSON.parse(sent[0].body);
  assert.deepEqual(
    streams.map((one: { stream: unknown }) => one.stream),
    [
      { service_name: "atcr", level: "info" },
      { service_name: "atcr", level: "error" },
    ],
  );
  assert.deepEqual(streams[0].values[1], ["1767323045678000000", line("b")]);
  assert.equal(shipper.sent, 3);
});

Deno.test("VictoriaLogs gets the lines as they are, with the names of their fields", async () => {
  const { shipper, sent } = open("victoria");
  shipper.add(line("a"));
  await shipper.stop(1000);
  const url = new URL(sent[0]?.url ?? "");
  assert.equal(url.pathname, "/insert/jsonline");
  assert.equal(url.searchParams.get("_time_field"), "time");
  assert.equal(url.searchParams.get("_msg_field"), "msg");
  assert.equal(sent[0]?.body, `${line("a")}\n`);
});

Deno.test("OpenSearch gets documents for the index of the day, and refused ones are counted", async () => {
  const answer = () =>
    Response.json({
      errors: true,
      items: [{ create: { status: 201 } }, { create: { status: 400 } }],
    });
  const { shipper, sent } = open("opensearch", answer);
  shipper.add(line("a"));
  shipper.add(line("b"));
  await shipper.stop(1000);
  const rows =
    sent[0]?.body.trimEnd().split("\n").map((row) => JSON.parse(row)) ?? [];
  assert.equal(rows.length, 4);
  assert.equal(rows[0].create._index, "atcr-logs-2026.01.02");
  assert.equal(rows[1]["@timestamp"], "2026-01-02T03:04:05.678Z");
  assert.equal(rows[1].msg, "a");
  assert.deepEqual([shipper.sent, shipper.dropped], [1, 1]);
});

Deno.test("a service that is away costs lines, not memory, and every lost line is counted", async () => {
  const { shipper, sent, changes } = open(
    "loki",
    () => new Response(null, { status: 503 }),
  );
  for (let i = 0; i < 10_500; i++) shipper.add(line("x"));
  assert.equal(shipper.dropped, 500);
  await shipper.stop(1000);
  assert.equal(sent.length, 1, "it is not asked again when the process ends");
  assert.equal(shipper.dropped, 10_500);
  assert.deepEqual(changes, [false]);
});

Deno.test("lines wait for a service that comes back, and arrive once and in order", async () => {
  let isUp = false;
  const { shipper, sent, changes, clock } = open(
    "victoria",
    () => new Response(null, { status: isUp ? 200 : 502 }),
    { batchSize: 2 },
  );
  shipper.start();
  for (const text of ["a", "b", "c"]) shipper.add(line(text));
  while (sent.length < 2) {
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  isUp = true;
  while (shipper.sent < 3) {
    clock.advance(60_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await shipper.stop(1000);
  const arrived = sent.slice(-2).map(({ body }) => body).join("");
  assert.equal(arrived, ["a", "b", "c"].map((x) => `${line(x)}\n`).join(""));
  assert.equal(shipper.dropped, 0);
  assert.deepEqual(changes, [false, true]);
});

Deno.test("lines that the service will never take are dropped, later ones are not", async () => {
  let status = 400;
  const { shipper } = open("loki", () => new Response(null, { status }));
  shipper.add(line("a"));
  shipper.start();
  await shipper.stop(1000);
  assert.deepEqual([shipper.sent, shipper.dropped], [0, 1]);
  status = 200;
  const other = open("loki", () => new Response(null, { status }));
  other.shipper.add(line("b"));
  await other.shipper.stop(1000);
  assert.equal(other.shipper.sent, 1);
});
