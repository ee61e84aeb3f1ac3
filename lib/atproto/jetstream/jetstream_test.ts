import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { commitOf, FakeJetstream } from "../../../tests/support/jetstream.ts";
import { systemClock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import { until } from "../../../tests/support/until.ts";
import { readJetstream } from "./jetstream.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const PROFILE = "app.bsky.actor.profile";

function read(url: string, cursor?: number, signal?: AbortSignal) {
  return readJetstream(
    {
      url,
      cursor,
      collections: [PROFILE, "sh.tangled.actor.profile"],
      userAgent: "test",
    },
    systemClock,
    signal ?? new AbortController().signal,
  );
}

/** Reads this many events, and returns their times and the number of ignored frames. */
async function take(
  batches: ReturnType<typeof read>,
  count: number,
): Promise<{ times: number[]; ignored: number }> {
  const times: number[] = [];
  let ignored = 0;
  while (times.length < count) {
    const { value, done } = await batches.next();
    if (done) break;
    times.push(...value.events.map(({ timeUs }) => timeUs));
    ignored += value.ignored;
  }
  return { times, ignored };
}

const upstream = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");

Deno.test("collections and cursor are sent to the server, and events arrive in order", async () => {
  await using server = await FakeJetstream.start();
  for (let i = 1; i <= 3000; i++) {
    server.emit(ALICE, i, "commit", commitOf(PROFILE));
  }
  const batches = read(server.url, 1000);
  const { times } = await take(batches, 2000);
  await batches.return(undefined);
  assert.deepEqual(times, Array.from({ length: 2000 }, (_, i) => 1001 + i));
  const [asked] = server.asked;
  assert.deepEqual(asked?.getAll("wantedCollections"), [
    PROFILE,
    "sh.tangled.actor.profile",
  ]);
  assert.equal(asked?.get("cursor"), "1000");
});

Deno.test("malformed, unknown, binary and oversized frames are counted and skipped", async () => {
  await using server = await FakeJetstream.start();
  const batches = read(server.url);
  const result = take(batches, 1);
  await server.connected();
  server.send("{");
  server.send(new Uint8Array([0x28, 0xb5, 0x2f, 0xfd]));
  server.send('{"kind":"commit","did":5}');
  server.send("[]");
  server.send(" ".repeat(5 << 20));
  server.emit(ALICE, 7, "identity", { did: ALICE });
  assert.deepEqual(await result, { times: [7], ignored: 5 });
  await batches.return(undefined);
});

Deno.test("a server that is down, disconnects or sends too much causes an error that names it", async () => {
  const server = await FakeJetstream.start();
  const cut = take(read(server.url), 1);
  await server.connected();
  server.cut();
  await assert.rejects(cut, (error) => {
    assert.match(String(error), /127\.0\.0\.1:\d+ closed the connection/);
    return upstream(error);
  });
  const flooded = take(read(server.url), 1);
  await server.connected();
  server.send("x".repeat(17 << 20));
  await assert.rejects(flooded, upstream);
  const { url } = server;
  await server[Symbol.asyncDispose]();
  await assert.rejects(take(read(url), 1), upstream);
});

Deno.test("an abort ends the iteration without error and closes the connection", async () => {
  await using server = await FakeJetstream.start();
  const abort = new AbortController();
  const reading = take(read(server.url, undefined, abort.signal), 1);
  await server.connected();
  abort.abort();
  assert.deepEqual(await reading, { times: [], ignored: 0 });
  const gone = read(server.url, undefined, abort.signal);
  assert.equal((await gone.next()).done, true);
});

Deno.test("an abort while a batch is processed ends the iteration without error", async () => {
  await using server = await FakeJetstream.start();
  server.emit(ALICE, 7, "identity", { did: ALICE });
  const abort = new AbortController();
  for await (const { events } of read(server.url, 1, abort.signal)) {
    assert.equal(events.length, 1);
    abort.abort();
  }
});

Deno.test("no more is read while a batch is processed", async () => {
  await using server = await FakeJetstream.start();
  const batches = read(server.url);
  const first = batches.next();
  await server.connected();
  server.emit(ALICE, 1, "identity", { did: ALICE });
  assert.equal((await first).value?.events.length, 1);
  // More than the reader and the network between the two hold.
  const frame = " ".repeat(1 << 20);
  for (let i = 0; i < 200; i++) server.send(frame);
  await until(() => server.waiting > 0);
  let before = server.waiting;
  await until(async () => {
    const last = before;
    await new Promise((resolve) => setTimeout(resolve, 200));
    before = server.waiting;
    return before === last;
  });
  assert.ok(before > 100 << 20, `${before}`);
  await batches.return(undefined);
});
