import assert from "node:assert/strict";
import { decodeFirst } from "@atcute/cbor";
import { create, openTestRepo } from "../../../tests/support/repo.ts";
import { until } from "../../../tests/support/until.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { Firehose } from "./firehose.ts";
import type { Repo } from "../repo.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { FirehoseSocket } from "./firehose_socket.ts";
import { DEFAULT_FIREHOSE_LIMITS } from "./firehose_limits.ts";
import type { FirehoseLimits } from "./firehose_limits.ts";

/** A socket whose consumer reads at once, or not at all. */
class FakeSocket implements FirehoseSocket {
  readyState = 1;
  bufferedAmount = 0;
  readonly frames: Uint8Array[] = [];
  closed: { code: number | undefined; reason: string | undefined } | undefined;
  onSend = () => {};
  readonly #listeners: Record<string, (() => void)[]> = {};

  send(data: Uint8Array): void {
    assert.equal(this.closed, undefined, "sent on a closed socket");
    this.frames.push(data);
    this.onSend();
  }
  close(code?: number, reason?: string): void {
    this.closed = { code, reason };
    this.readyState = 3;
    this.emit("close");
  }
  addEventListener(type: string, listener: () => void): void {
    (this.#listeners[type] ??= []).push(listener);
  }
  emit(type: string): void {
    this.#listeners[type]?.forEach((listener) => listener());
  }
  /** Numbers of the events received; names of other messages. */
  get seen(): unknown[] {
    return this.frames.map((frame) => {
      const [, rest] = decodeFirst(frame);
      const [body] = decodeFirst(rest);
      return body.seq ?? body.name ?? body.error;
    });
  }
}

function firehoseOf(
  repo: Repo,
  limits: Partial<FirehoseLimits> = {},
  clock: Clock = systemClock,
): Firehose {
  return new Firehose({
    log: repo.log,
    live: repo.live,
    clock,
    logger: silentLogger,
    limits: { ...DEFAULT_FIREHOSE_LIMITS, ...limits },
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("a consumer gets missed events and then live ones, without gap or repeat", async () => {
  const { repo, kv } = await openTestRepo();
  const first = await repo.log.latest() - 3;
  for (let i = 0; i < 20; i++) await repo.apply([create(`old${i}`)]);
  const firehose = firehoseOf(repo);
  const sockets = [0, first - 1, first + 7, undefined].map((cursor) => {
    const socket = new FakeSocket();
    return { socket, cursor, served: firehose.serve(socket, cursor) };
  });
  const before = await repo.log.latest();
  await until(() => repo.live.followers === 4);
  await Promise.all(
    range(0, 29).map((i) => repo.apply([create(`new${i}`)])),
  );
  const last = await repo.log.latest();
  assert.equal(last, before + 30);
  for (const { socket, cursor } of sockets) {
    await until(() => socket.seen.at(-1) === last);
    const from = cursor === undefined ? before : Math.max(cursor, first - 1);
    assert.deepEqual(socket.seen, range(from + 1, last));
  }
  firehose.close();
  await Promise.all(sockets.map(({ served }) => served));
  assert.equal(firehose.consumers, 0);
  assert.equal(repo.live.followers, 0);
  kv.close();
});

Deno.test("events made while a consumer catches up are not lost", async () => {
  const { repo, kv } = await openTestRepo();
  const first = await repo.log.latest() - 3;
  await repo.apply([create("a")]);
  const socket = new FakeSocket();
  const writes: Promise<unknown>[] = [];
  socket.onSend = () => {
    if (writes.length < 40) {
      writes.push(repo.apply([create(`b${writes.length}`)]));
    }
  };
  const served = firehoseOf(repo).serve(socket, 0);
  await until(() => writes.length === 40);
  await Promise.all(writes);
  const last = await repo.log.latest();
  await until(() => socket.seen.at(-1) === last);
  assert.deepEqual(socket.seen, range(first, last));
  socket.close();
  await served;
  kv.close();
});

Deno.test("events of another instance are delivered too", async () => {
  const { repo, kv } = await openTestRepo();
  const other = await openTestRepo({ kv });
  const socket = new FakeSocket();
  const served = firehoseOf(repo).serve(socket, undefined);
  await until(() => repo.live.followers === 1);
  const before = await repo.log.latest();
  for (let i = 0; i < 10; i++) {
    await other.repo.apply([create(`theirs${i}`)]);
    await repo.apply([create(`ours${i}`)]);
  }
  await other.repo.apply([create("last")]);
  await until(() => socket.seen.at(-1) === before + 21);
  assert.deepEqual(socket.seen, range(before + 1, before + 21));
  socket.close();
  await served;
  kv.close();
});

Deno.test("after a restore a consumer with a number of the lost time learns that it must read again", async () => {
  const { repo } = await openTestRepo();
  await repo.apply([create("kept")]);
  const kept = await repo.log.latest();
  const lost = kept + 5_000;
  const firehose = firehoseOf(repo);
  const before = new FakeSocket();
  await firehose.serve(before, lost);
  assert.deepEqual(before.seen, ["FutureCursor"]);
  const latest = await repo.restored();
  assert.ok(latest > kept + 100_000);
  const after = new FakeSocket();
  const served = firehose.serve(after, lost);
  await until(() => after.seen.length === 3);
  // The identity and the whole repo again.
  assert.deepEqual(after.seen, ["OutdatedCursor", latest - 1, latest]);
  await repo.apply([create("new")]);
  await until(() => after.seen.at(-1) === latest + 1);
  firehose.close();
  await served;
});

Deno.test("a cursor in the future is an error, one before the window a warning", async () => {
  const clock = new ManualClock();
  const { repo, kv } = await openTestRepo({
    clock,
    retention: { maxAgeMs: 3_600_000, maxEvents: 1000 },
  });
  const first = await repo.log.latest() - 3;
  clock.advance(3_600_001);
  await repo.apply([create("a")]);
  assert.equal(await repo.log.sweep(), 4);
  const firehose = firehoseOf(repo);

  const future = new FakeSocket();
  await firehose.serve(future, first + 5);
  assert.deepEqual(future.seen, ["FutureCursor"]);
  assert.equal(future.closed?.code, 1008);

  for (const cursor of [0, first]) {
    const old = new FakeSocket();
    const served = firehose.serve(old, cursor);
    await until(() => old.seen.length === 2);
    assert.deepEqual(old.seen, ["OutdatedCursor", first + 4]);
    old.close();
    await served;
  }
  const exact = new FakeSocket();
  const served = firehose.serve(exact, first + 3);
  await until(() => exact.seen.length === 1);
  assert.deepEqual(exact.seen, [first + 4]);
  exact.close();
  await served;
  kv.close();
});

Deno.test("a consumer that does not keep up with live events is dropped, the others are not", async () => {
  const { repo, kv } = await openTestRepo();
  const firehose = firehoseOf(repo, { maxBufferedBytes: 5000 });
  const slow = new FakeSocket();
  slow.onSend = () => slow.bufferedAmount += 2000;
  const fast = new FakeSocket();
  const served = [
    firehose.serve(slow, undefined),
    firehose.serve(fast, undefined),
  ];
  await until(() => repo.live.followers === 2);
  for (let i = 0; i < 10; i++) await repo.apply([create(`n${i}`)]);
  await until(() => slow.closed !== undefined);
  assert.deepEqual(slow.closed, { code: 1008, reason: "ConsumerTooSlow" });
  assert.equal(slow.seen.at(-1), "ConsumerTooSlow");
  await until(() => fast.seen.length === 10);
  fast.close();
  await Promise.all(served);
  kv.close();
});

Deno.test("a consumer that stalls while it catches up is dropped", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply([create("a")]);
  const clock = new ManualClock();
  const stalled = new FakeSocket();
  stalled.onSend = () => stalled.bufferedAmount = 2_000_000;
  const served = firehoseOf(repo, { stallMs: 1000 }, clock).serve(stalled, 0);
  await until(() => {
    clock.advance(100);
    return stalled.closed !== undefined;
  });
  await served;
  assert.equal(stalled.seen.length, 2);
  assert.equal(stalled.closed?.reason, "ConsumerTooSlow");
  kv.close();
});

Deno.test("consumers above the limit are refused", async () => {
  const { repo, kv } = await openTestRepo();
  const firehose = firehoseOf(repo, { maxConsumers: 1 });
  const one = new FakeSocket();
  const served = firehose.serve(one, undefined);
  const two = new FakeSocket();
  await firehose.serve(two, undefined);
  assert.equal(two.closed?.code, 1013);
  one.emit("close");
  await served;
  assert.equal(firehose.consumers, 0);
  kv.close();
});

Deno.test("a socket that is still connecting gets nothing before it is open", async () => {
  const { repo, kv } = await openTestRepo();
  const socket = new FakeSocket();
  socket.readyState = 0;
  const served = firehoseOf(repo).serve(socket, 0);
  await repo.apply([create("a")]);
  assert.equal(socket.frames.length, 0);
  socket.readyState = 1;
  socket.emit("open");
  await until(() => socket.seen.length === 5);
  socket.close();
  await served;
  kv.close();
});

Deno.test("consumers per client are bounded, and closed ones are no longer counted", async () => {
  const { repo, kv } = await openTestRepo();
  const firehose = firehoseOf(repo, { maxPerClient: 2 });
  const connect = (client: string | undefined) => {
    const socket = new FakeSocket();
    void firehose.serve(socket, undefined, client);
    return socket;
  };
  const [first] = ["198.51.100.7", "198.51.100.7"].map(connect);
  const refused = connect("198.51.100.7");
  assert.equal(refused.closed?.code, 1013);
  assert.match(refused.closed?.reason ?? "", /your address/);
  assert.equal(connect("198.51.100.8").closed, undefined);
  // A proxy or localhost is not counted.
  for (let i = 0; i < 5; i++) {
    assert.equal(connect(undefined).closed, undefined);
  }
  first?.close();
  await until(() => firehose.consumers === 7);
  assert.equal(connect("198.51.100.7").closed, undefined);
  firehose.close();
  await until(() => firehose.consumers === 0);
  kv.close();
});

Deno.test("a consumer that misses two pings is dropped, one that answers stays", async () => {
  const { repo, kv } = await openTestRepo();
  const clock = new ManualClock();
  const firehose = firehoseOf(repo, {}, clock);
  const connect = (answers: boolean) => {
    let pong = () => {};
    const socket = Object.assign(new FakeSocket(), {
      pings: 0,
      terminated: false,
      onPong(listener: () => void) {
        pong = listener;
      },
      ping() {
        socket.pings++;
        if (answers) pong();
      },
      terminate() {
        socket.terminated = true;
        socket.close();
      },
    });
    void firehose.serve(socket, undefined);
    return socket;
  };
  const alive = connect(true);
  const dead = connect(false);
  await until(() => repo.live.followers === 2);
  for (let pings = 1; pings <= 4; pings++) {
    clock.advance(30_000);
    await until(() => alive.pings === pings);
  }
  assert.equal(dead.pings, 2);
  assert.equal(dead.terminated, true);
  assert.equal(alive.closed, undefined);
  await until(() => firehose.consumers === 1);
  firehose.close();
  await until(() => firehose.consumers === 0);
  kv.close();
});
