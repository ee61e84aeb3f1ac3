import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { DenoKv } from "../../kv/deno_kv.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { settle } from "../../kv/testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { JetstreamConsumer } from "./consumer.ts";
import type { JetstreamBatch } from "./jetstream.ts";
import type { JetstreamEvent } from "./jetstream_event.ts";
import { commitOf } from "./testing_events.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BOB: Did = "did:plc:z72i7hdynmk6r22z27h6tvur";
const ONE = "wss://one.example.com/subscribe";
const TWO = "wss://two.example.com/subscribe";
const PLACE: Key = ["test", "place"];
const HOUR = 3_600_000;

type Script = (
  cursor: number | undefined,
  signal: AbortSignal,
  url: string,
) => AsyncIterable<JetstreamBatch>;

/** Instances that listen by the same clock and store. */
class Setup implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly taken: JetstreamEvent[] = [];
  /** Where each connection began, and when. */
  readonly opened: {
    by: string;
    url: string;
    cursor: number | undefined;
    at: number;
  }[] = [];
  gaps = 0;
  readonly kv: Kv;
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
  }

  consumer(
    by: string,
    script: Script,
    { urls = [ONE], counts = false }: { urls?: string[]; counts?: boolean } =
      {},
  ): JetstreamConsumer {
    const { kv, clock } = this;
    return new JetstreamConsumer({
      kv,
      clock,
      log: silentLogger,
      random: () => 1,
      take: ({ events }) => {
        this.taken.push(...events);
        return Promise.resolve();
      },
      open: (url, cursor, signal) => {
        this.opened.push({ by, url, cursor, at: clock.now() });
        return script(cursor, signal, url);
      },
      ...(counts ? { onGap: () => this.gaps++ } : {}),
    }, {
      name: "test",
      urls,
      lease: "test",
      placeKey: PLACE,
      maxReplayMs: HOUR,
      silenceMs: 300_000,
    });
  }

  /** Starts an instance; returns what stops it. */
  start(...args: Parameters<Setup["consumer"]>): () => Promise<void> {
    const abort = new AbortController();
    const running = this.consumer(...args).run(abort.signal);
    const stop = async () => {
      abort.abort();
      await running;
    };
    this.#stops.push(stop);
    return stop;
  }

  /** Moves time in steps until `ready`, for at most an hour. */
  async until(ready: () => boolean): Promise<void> {
    for (let i = 0; i < 3600 && !ready(); i++) {
      this.clock.advance(1000);
      await settle(this.kv);
    }
    assert.ok(ready());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#stops.map((stop) => stop()));
    this.kv.close();
  }
}

const setUp = async () => new Setup(await Deno.openKv(":memory:"));

/** Sends one batch and then nothing, until it is stopped. */
const sends = (...events: JetstreamEvent[]): Script =>
  async function* (_cursor, signal) {
    yield { events, ignored: 0 };
    await new Promise<void>((resolve) =>
      signal.aborted ? resolve() : signal.addEventListener("abort", () => {
        resolve();
      })
    );
  };

/** Fails at once. */
const fails: Script = async function* () {
  yield await Promise.reject(new AppError("UPSTREAM_FAILED", "No server."));
};

Deno.test("a consumer resumes slightly before its last event, but not in the distant past", async () => {
  await using setup = await setUp();
  const began = setup.clock.now();
  const stop = setup.start("one", sends(commitOf(ALICE, began * 1000)));
  await setup.until(() => setup.taken.length === 1);
  await stop();
  assert.deepEqual((await setup.kv.get(PLACE))?.value, {
    timeUs: began * 1000,
    url: ONE,
  });
  await setup.start("two", sends(commitOf(ALICE, began * 1000 + 9)))();
  setup.clock.advance(3 * HOUR);
  const third = setup.clock.now();
  await setup.start("three", sends(commitOf(ALICE, third * 1000)))();
  assert.deepEqual(setup.opened.map(({ cursor }) => cursor), [
    undefined,
    (began - 5000) * 1000,
    (third - HOUR) * 1000,
  ]);
});

Deno.test("one instance follows the stream, and another takes over when it stops", async () => {
  await using setup = await setUp();
  const at = setup.clock.now() * 1000;
  const stop = setup.start("one", sends(commitOf(ALICE, at)));
  await setup.until(() => setup.opened.length === 1);
  setup.start("two", sends(commitOf(BOB, at + 1)));
  const later = setup.clock.now() + 5 * 60_000;
  await setup.until(() => setup.clock.now() > later);
  assert.deepEqual(setup.opened.map(({ by }) => by), ["one"]);
  await stop();
  await setup.until(() => setup.opened.length === 2);
  assert.equal(setup.opened[1]?.by, "two");
});

Deno.test("pauses grow with each failure up to a minute, and are reset by an event", async () => {
  await using setup = await setUp();
  let broken = true;
  const at = setup.clock.now() * 1000;
  setup.start("one", async function* (cursor, signal) {
    if (!broken) yield { events: [commitOf(ALICE, at)], ignored: 0 };
    yield* fails(cursor, signal, ONE);
  });
  await setup.until(() => setup.opened.length === 9);
  broken = false;
  await setup.until(() => setup.opened.length === 11);
  const pauses = setup.opened.map(({ at }, i) =>
    (at - (setup.opened[i - 1]?.at ?? at)) / 1000
  ).slice(1);
  const wanted = [2, 4, 8, 16, 32, 60, 60, 60, 60, 2];
  for (const [i, pause] of pauses.entries()) {
    // Time goes in steps of a second here.
    const least = (wanted[i] ?? 0) - 2;
    assert.ok(pause >= least && pause <= least + 4, `${pauses}`);
  }
});

Deno.test("when it fails, another instance may take over during the pause", async () => {
  await using setup = await setUp();
  setup.start("one", fails);
  await setup.until(() => setup.opened.length === 3);
  setup.start("two", sends(commitOf(ALICE, setup.clock.now() * 1000)));
  await setup.until(() => setup.taken.length === 1);
  assert.equal(setup.opened.at(-1)?.by, "two");
});

Deno.test("the next server is used when one fails, a minute before the stored cursor", async () => {
  await using setup = await setUp();
  const at = setup.clock.now() * 1000;
  const script: Script = (cursor, signal, url) =>
    url === ONE ? fails(cursor, signal, url) : sends(commitOf(ALICE, at))(
      cursor,
      signal,
      url,
    );
  await setup.kv.set(PLACE, { timeUs: at, url: ONE });
  setup.start("one", script, { urls: [ONE, TWO] });
  await setup.until(() => setup.taken.length === 1);
  assert.deepEqual(setup.opened.map(({ url, cursor }) => [url, cursor]), [
    [ONE, at - 5_000_000],
    [TWO, at - 60_000_000],
  ]);
});

Deno.test("a silent server is replaced by the next", async () => {
  await using setup = await setUp();
  setup.start("one", sends(), { urls: [ONE, TWO] });
  await setup.until(() => setup.opened.length === 3);
  assert.deepEqual(setup.opened.map(({ url }) => url), [ONE, TWO, ONE]);
});

Deno.test("a first start and a start after too long a time are gaps, once each", async () => {
  await using setup = await setUp();
  const counts = { counts: true };
  await setup.start("first", sends(), counts)();
  setup.clock.advance(HOUR - 1);
  await setup.start("second", sends(), counts)();
  assert.equal(setup.gaps, 1);
  setup.clock.advance(2);
  const late = setup.clock.now();
  await setup.start("third", fails, counts)();
  await setup.start("fourth", sends(), counts)();
  assert.equal(setup.gaps, 2);
  const HALF = HOUR / 2;
  assert.deepEqual(setup.opened.slice(2).map(({ cursor }) => cursor), [
    (late - HALF) * 1000,
    (late - HALF - 5000) * 1000,
  ]);
});

Deno.test("events that a server reports as missing are a gap", async () => {
  await using setup = await setUp();
  const script: Script = async function* (cursor, signal, url) {
    yield { events: [], ignored: 0, gap: true };
    yield* sends(commitOf(ALICE, setup.clock.now() * 1000))(
      cursor,
      signal,
      url,
    );
  };
  setup.start("one", script, { counts: true });
  await setup.until(() => setup.taken.length === 1);
  assert.equal(setup.gaps, 2);
});

Deno.test("catching up ends at the present, when the stream is quiet, or after its time limit", async () => {
  await using setup = await setUp();
  const never = new AbortController().signal;
  const at = setup.clock.now() * 1000;
  const catchUp = async (script: Script) => {
    let done = false;
    const run = setup.consumer("cron", script).catchUp(never, 60_000)
      .finally(() => done = true);
    const from = setup.clock.now();
    await setup.until(() => done);
    await run;
    return Math.round((setup.clock.now() - from) / 1000);
  };
  assert.ok(await catchUp(sends(commitOf(ALICE, at))) <= 1, "present");
  assert.deepEqual((await setup.kv.get(PLACE))?.value, {
    timeUs: at,
    url: ONE,
  });
  assert.ok(await catchUp(sends(commitOf(ALICE, 5))) <= 5, "quiet");
  const endless: Script = async function* (_cursor, signal) {
    while (!signal.aborted) {
      yield { events: [commitOf(BOB, 7)], ignored: 0 };
      await setup.clock.sleep(1000, signal);
    }
  };
  const took = await catchUp(endless);
  assert.ok(took >= 59 && took <= 62, `${took}`);
});
