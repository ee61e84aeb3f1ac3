import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import type { JetstreamBatch } from "../atproto/jetstream/jetstream.ts";
import type { JetstreamEvent } from "../atproto/jetstream/jetstream_event.ts";
import { AppError } from "../errors.ts";
import { DenoKv } from "../kv/deno_kv.ts";
import type { Kv } from "../kv/kv.ts";
import { settle } from "../kv/testing.ts";
import { eventsCursorKey } from "./kv_keys.ts";
import { NetworkEvents } from "./network_events.ts";
import { type EventCounts, NO_OBSERVER } from "./observer.ts";
import type { AccountChange } from "./profiles.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BOB: Did = "did:plc:z72i7hdynmk6r22z27h6tvur";
const PROFILE = "app.bsky.actor.profile";
const HOUR = 3_600_000;

type Script = (
  cursor: number | undefined,
  signal: AbortSignal,
) => AsyncIterable<JetstreamBatch>;

/** Instances that share a clock and a store. */
class Setup implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly changes: [Did, AccountChange][] = [];
  readonly counted: EventCounts[] = [];
  /** The cursor and time of each connection. */
  readonly opened: { by: string; cursor: number | undefined; at: number }[] =
    [];
  readonly kv: Kv;
  readonly #stops: (() => Promise<void>)[] = [];

  constructor(kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
  }

  /** Starts an instance; returns what stops it. */
  start(by: string, script: Script): () => Promise<void> {
    const { kv, clock } = this;
    const events = new NetworkEvents({
      kv,
      clock,
      log: silentLogger,
      random: () => 1,
      observer: {
        ...NO_OBSERVER,
        networkEvents: (counts) => this.counted.push(counts),
      },
      avatars: {
        invalidate: (did, change) => {
          this.changes.push([did, change]);
          return Promise.resolve();
        },
      },
      open: (cursor, signal) => {
        this.opened.push({ by, cursor, at: clock.now() });
        return script(cursor, signal);
      },
    }, { collections: [PROFILE], maxReplayMs: HOUR });
    const abort = new AbortController();
    const running = events.run(abort.signal);
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

const commit = (did: Did, timeUs: number, collection = PROFILE) =>
  ({
    did,
    timeUs,
    kind: "commit",
    operation: "update",
    collection,
    rkey: "self",
  }) as const;

/** Sends one batch, then nothing until it is stopped. */
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

Deno.test("each account is processed once for all of its events", async () => {
  await using setup = await setUp();
  const at = setup.clock.now() * 1000;
  setup.start(
    "one",
    sends(
      commit(ALICE, at),
      { did: ALICE, timeUs: at + 1, kind: "identity" },
      commit(ALICE, at + 2),
      commit(BOB, at + 3, "app.bsky.feed.post"),
      {
        did: BOB,
        timeUs: at + 4,
        kind: "account",
        active: false,
        status: "deleted",
      },
    ),
  );
  await setup.until(() => setup.changes.length === 2);
  assert.deepEqual(setup.changes, [
    [ALICE, { identity: true, gone: false }],
    [BOB, { identity: true, gone: true }],
  ]);
  assert.deepEqual(setup.counted, [
    { commit: 2, identity: 1, account: 1, ignored: 1 },
  ]);
});

Deno.test("a listener resumes slightly before its last event, but not in the distant past", async () => {
  await using setup = await setUp();
  const began = setup.clock.now();
  const stop = setup.start("one", sends(commit(ALICE, began * 1000)));
  await setup.until(() => setup.changes.length === 1);
  await stop();
  assert.equal((await setup.kv.get(eventsCursorKey))?.value, began * 1000);
  await setup.start("two", sends(commit(ALICE, began * 1000 + 9)))();
  setup.clock.advance(3 * HOUR);
  const third = setup.clock.now();
  await setup.start("three", sends(commit(ALICE, third * 1000)))();
  assert.deepEqual(setup.opened.map(({ cursor }) => cursor), [
    undefined,
    (began - 5000) * 1000,
    (third - HOUR) * 1000,
  ]);
});

Deno.test("one instance listens, and another takes over when it stops", async () => {
  await using setup = await setUp();
  const at = setup.clock.now() * 1000;
  const stop = setup.start("one", sends(commit(ALICE, at)));
  await setup.until(() => setup.opened.length === 1);
  setup.start("two", sends(commit(BOB, at + 1)));
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
    if (!broken) yield { events: [commit(ALICE, at)], ignored: 0 };
    yield* fails(cursor, signal);
  });
  await setup.until(() => setup.opened.length === 9);
  broken = false;
  await setup.until(() => setup.opened.length === 11);
  const pauses = setup.opened.map(({ at }, i) =>
    (at - (setup.opened[i - 1]?.at ?? at)) / 1000
  ).slice(1);
  const wanted = [2, 4, 8, 16, 32, 60, 60, 60, 60, 2];
  for (const [i, pause] of pauses.entries()) {
    // Time advances in steps of a second here.
    const least = (wanted[i] ?? 0) - 2;
    assert.ok(pause >= least && pause <= least + 4, `${pauses}`);
  }
});

Deno.test("when it fails, another instance may take over during the pause", async () => {
  await using setup = await setUp();
  setup.start("one", fails);
  await setup.until(() => setup.opened.length === 3);
  setup.start("two", sends(commit(ALICE, setup.clock.now() * 1000)));
  await setup.until(() => setup.changes.length === 1);
  assert.equal(setup.opened.at(-1)?.by, "two");
});
