import assert from "node:assert/strict";
import { type Clock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import { Pacer } from "./pacer.ts";
import { type ScrubReport, totals } from "./report.ts";
import { Scrubber } from "./scrubber.ts";
import type { Pace, ScrubOutcome, ScrubSource } from "./source.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";

const RIGHT: ScrubOutcome = { result: "right" };
const WRONG: ScrubOutcome = { result: "damaged", damage: "digest" };

/** Items 000 to 099, of ten bytes each. */
class Numbers implements ScrubSource {
  readonly checked: string[] = [];
  readonly name: string;
  outcome: (id: string, pace: Pace) => ScrubOutcome | Promise<ScrubOutcome> =
    () => RIGHT;
  start = "";

  constructor(name = "numbers") {
    this.name = name;
  }

  randomId(): string {
    return this.start;
  }

  async *items(after = "") {
    await Promise.resolve();
    for (let i = 0; i < 100; i++) {
      const id = String(i).padStart(3, "0");
      if (id <= after) continue;
      yield {
        id,
        size: 10,
        check: async (pace: Pace) => {
          await pace(10);
          const outcome = await this.outcome(id, pace);
          this.checked.push(id);
          return outcome;
        },
      };
    }
  }
}

/** Time that passes only by sleeping. */
class SleepingClock implements Clock {
  at = 1_000_000;

  now(): number {
    return this.at;
  }

  sleep(ms: number): Promise<void> {
    this.at += ms;
    return Promise.resolve();
  }
}

async function withKv(
  test: (kv: Kv, clock: SleepingClock) => Promise<void>,
): Promise<void> {
  const kv = await openKv(":memory:", new ManualClock());
  try {
    await test(kv, new SleepingClock());
  } finally {
    kv.close();
  }
}

const FAST = { bytesPerSecond: 1e12 };

Deno.test("a scrub checks everything once and keeps what it found", () =>
  withKv(async (kv, clock) => {
    const a = new Numbers("a");
    const b = new Numbers("b");
    b.outcome = (id) => id === "042" ? WRONG : RIGHT;
    const log = silentLogger;
    const scrubber = new Scrubber({ kv, clock, log, sources: [a, b] });
    assert.equal(await scrubber.last(), undefined);
    const told: string[] = [];
    const onFinding = ({ id }: { id: string }) => told.push(id);
    const checked: number[] = [];
    const onChecked = (so: ScrubReport) => checked.push(totals(so).checked);
    const report = await scrubber.run({ ...FAST, onFinding, onChecked });
    assert.equal(checked.at(-1), totals(report).checked);
    assert.equal(checked[0], 1);
    assert.deepEqual([a.checked.length, b.checked.length], [100, 100]);
    assert.deepEqual(told, ["042"]);
    assert.deepEqual(report.findings, [
      { source: "b", id: "042", damage: "digest" },
    ]);
    assert.deepEqual(totals(report), {
      checked: 200,
      bytes: 2_000,
      damaged: 1,
      mended: 0,
      unread: 0,
    });
    assert.equal(report.scope, "everything");
    assert.deepEqual(await scrubber.last(), report);
    assert.equal(await scrubber.pending(), undefined);
  }));

Deno.test("an interrupted scrub continues where it stopped, with the counts so far", () =>
  withKv(async (kv, clock) => {
    const first = new Numbers();
    const stop = new AbortController();
    first.outcome = (id) => {
      clock.at += 6_000;
      if (id === "050") stop.abort(new Error("killed"));
      return id === "010" ? WRONG : RIGHT;
    };
    const open = (source: ScrubSource) =>
      new Scrubber({ kv, clock, log: silentLogger, sources: [source] });
    await assert.rejects(
      open(first).run({ ...FAST, signal: stop.signal }),
      /killed/,
    );
    assert.equal(
      totals(await open(first).pending() ?? assert.fail()).checked,
      51,
    );
    const second = new Numbers();
    const report = await open(second).run(FAST);
    assert.equal(second.checked[0], "051");
    assert.equal(totals(report).checked, 100);
    assert.equal(totals(report).damaged, 1);
    const third = new Numbers();
    await assert.rejects(
      open(first).run({ ...FAST, signal: AbortSignal.abort() }),
    );
    await open(third).run({ ...FAST, restart: true });
    assert.equal(third.checked.length, 100);
  }));

Deno.test("unreadable items are counted and not hidden; an unreadable store ends the scrub", () =>
  withKv(async (kv, clock) => {
    const source = new Numbers();
    const fail = () => {
      throw new AppError("UNAVAILABLE", "No.", { operator: "disk" });
    };
    source.outcome = (id) => id === "003" ? fail() : RIGHT;
    const log = silentLogger;
    const scrubber = new Scrubber({ kv, clock, log, sources: [source] });
    const report = await scrubber.run(FAST);
    assert.deepEqual(report.findings, [
      { source: "numbers", id: "003", damage: "unread" },
    ]);
    source.checked.length = 0;
    source.outcome = (id) => {
      clock.at += 6_000;
      return id >= "020" ? fail() : RIGHT;
    };
    await assert.rejects(
      scrubber.run(FAST),
      (error) =>
        isAppError(error, "UNAVAILABLE") &&
        /The scrub stops: disk/.test(error.operator ?? ""),
    );
    source.outcome = () => RIGHT;
    const whole = await scrubber.run(FAST);
    assert.deepEqual(source.checked.slice(19, 22), ["019", "020", "021"]);
    assert.equal(totals(whole).checked, 100);
    assert.equal(totals(whole).unread, 0);
  }));

Deno.test("a sample begins anywhere, wraps around and stays within its byte limit", () =>
  withKv(async (kv, clock) => {
    const source = new Numbers();
    source.start = "097";
    const log = silentLogger;
    const scrubber = new Scrubber({ kv, clock, log, sources: [source] });
    const report = await scrubber.sample({ ...FAST, count: 5 });
    assert.deepEqual(source.checked, ["098", "099", "000", "001", "002"]);
    assert.equal(report.scope, "sample");
    assert.deepEqual(await scrubber.last(), report);
    source.checked.length = 0;
    await scrubber.sample({ ...FAST, count: 1_000 });
    assert.equal(source.checked.length, 100, "each once");
    const small = await scrubber.sample({
      ...FAST,
      count: 5,
      maxBytes: 30,
      keep: false,
    });
    assert.equal(totals(small).checked, 3);
    assert.notDeepEqual(await scrubber.last(), small);
  }));

Deno.test("a report of much damage stays small enough to store", () =>
  withKv(async (kv, clock) => {
    const sources = Array.from({ length: 5 }, (_, i) => {
      const source = new Numbers(`${i}`);
      source.outcome = () => WRONG;
      return source;
    });
    const log = silentLogger;
    const report = await new Scrubber({ kv, clock, log, sources }).run(FAST);
    assert.equal(totals(report).damaged, 500);
    assert.equal(report.findings.length, 100);
  }));

Deno.test("a scrub reads no faster than its rate", () =>
  withKv(async (kv, clock) => {
    const source = new Numbers();
    const begun = clock.now();
    const log = silentLogger;
    await new Scrubber({ kv, clock, log, sources: [source] })
      .run({ bytesPerSecond: 100 });
    const seconds = (clock.now() - begun) / 1000;
    assert.ok(seconds >= 8.9 && seconds <= 10.1, `${seconds}`);
  }));

Deno.test("a rate holds after a pause and after the clock was set back", async () => {
  const clock = new SleepingClock();
  const pacer = new Pacer(1_000, clock);
  const took = async (bytes: number) => {
    const before = clock.at;
    await pacer.took(bytes);
    return clock.at - before;
  };
  assert.equal(await took(1_000), 1_000);
  clock.at += 3_600_000;
  await took(1_000);
  assert.equal(
    await took(1_000),
    1_000,
    "no more than a second is made up for",
  );
  clock.at -= 3_600_000;
  assert.ok(await took(1_000) <= 2_000);
  assert.equal(await took(1_000), 1_000);
});
