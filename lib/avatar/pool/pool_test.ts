import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import { fixture } from "../../../tests/support/images.ts";
import { DEFAULT_LIMITS } from "../image/image_limits.ts";
import { sniff } from "../image/sniff/sniff.ts";
import type { RenderRequest } from "../image/render.ts";
import {
  type Job,
  type Lane,
  type Outcome,
  type RenderJob,
  workerLane,
} from "./lane.ts";
import { DEFAULT_POOL, type PoolOptions } from "./bounds.ts";
import { RenderPool } from "./pool.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";

const REQUEST: RenderRequest = {
  width: 20,
  height: 20,
  fit: "cover",
  density: 1,
  enlarge: false,
  format: "png",
  quality: 85,
};

/** Jobs that are light, heavy by their pixels, or need much memory. */
const JOBS = {
  light: renderJob("jpeg/photo-256.jpg"),
  heavy: withSize(renderJob("png/rgb8.png"), 6000, 6000),
  hungry: withSize(renderJob("webp/lossless.webp"), 4000, 4000),
} as const;

const photo = () => fixture("jpeg/photo-256.jpg");

function renderJob(file: string): RenderJob {
  return {
    kind: "render",
    bytes: fixture(file),
    request: REQUEST,
    limits: DEFAULT_LIMITS,
  };
}

/** The job with another size in the header of its picture; it is never decoded here. */
function withSize(job: RenderJob, width: number, height: number): RenderJob {
  const bytes = job.bytes.slice();
  const view = new DataView(bytes.buffer);
  if (bytes[0] === 0x89) { // PNG
    view.setUint32(16, width);
    view.setUint32(20, height);
  } else { // WebP
    const bits = view.getUint32(21, true) & 0xf0000000;
    view.setUint32(21, bits | (height - 1) << 14 | (width - 1), true);
  }
  assert.equal(sniff(bytes)?.width, width);
  return { ...job, bytes };
}

/** Lanes that work until the test ends them. */
class ManualLanes {
  readonly running: { job: Job; end: (outcome: Outcome | Error) => void }[] =
    [];
  opened = 0;
  closed = 0;

  open = (): Lane => {
    this.opened++;
    return {
      ready: Promise.resolve(),
      run: (job) => {
        const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
        const end = (outcome: Outcome | Error) =>
          outcome instanceof Error ? reject(outcome) : resolve(outcome);
        this.running.push({ job, end });
        return promise;
      },
      close: () => {
        this.closed++;
      },
    };
  };

  /** Ends the oldest running job. */
  async end(outcome: Outcome | Error = DONE): Promise<void> {
    this.running.shift()?.end(outcome);
    await settled();
  }
}

const DONE: Outcome = {
  ok: true,
  result: { bytes: new Uint8Array([1]), width: 1, height: 1 },
};

/** Lets all pending work proceed. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

async function poolOf(options: Partial<PoolOptions> = {}) {
  const lanes = new ManualLanes();
  const clock = new ManualClock();
  const pool = new RenderPool(
    { ...DEFAULT_POOL, ...options },
    { clock, log: silentLogger, openLane: lanes.open },
  );
  await pool.start();
  return { pool, lanes, clock };
}

const isBusy = (error: unknown) =>
  isAppError(error, "UNAVAILABLE") && (error.retryAfterSeconds ?? 0) > 0;

Deno.test("jobs beyond the lanes wait, and beyond the queue are refused with a retry time", async () => {
  const { pool, lanes } = await poolOf({ lanes: 2, queueLimit: 3 });
  const jobs = Array.from({ length: 5 }, () => pool.run(JOBS.light));
  await settled();
  assert.deepEqual([pool.stats.busy, pool.stats.waiting], [2, 3]);
  await assert.rejects(pool.run(JOBS.light), isBusy);
  for (let i = 0; i < 5; i++) await lanes.end();
  await Promise.all(jobs);
  assert.equal(pool.stats.waiting, 0);
});

Deno.test("a job that waits too long is refused, and its place is free again", async () => {
  const { pool, lanes, clock } = await poolOf({
    lanes: 1,
    queueLimit: 1,
    maxWaitMs: 1000,
  });
  const first = pool.run(JOBS.light);
  const second = pool.run(JOBS.light);
  const refused = assert.rejects(second, isBusy);
  await settled();
  clock.advance(1001);
  await refused;
  const third = pool.run(JOBS.light);
  await settled();
  await lanes.end();
  await lanes.end();
  await Promise.all([first, third]);
});

Deno.test("a burst of large pictures is made one after the other", async () => {
  const { pool, lanes, clock } = await poolOf({ memoryBytes: 1e12 });
  const jobs = Array.from({ length: 12 }, () => pool.run(JOBS.heavy));
  for (let i = 0; i < 12; i++) {
    await settled();
    clock.advance(500);
    await lanes.end();
  }
  await Promise.all(jobs);
  assert.equal(pool.stats.refused, 0);
});

Deno.test("a small picture overtakes large ones, but not for ever", async () => {
  const { pool, lanes, clock } = await poolOf({ lanes: 1 });
  const jobs = [pool.run(JOBS.light), pool.run(JOBS.heavy)];
  await settled();
  jobs.push(pool.run(JOBS.light));
  await settled();
  await lanes.end();
  assert.deepEqual(lanes.running.map(({ job }) => job), [JOBS.light]);
  clock.advance(5000);
  jobs.push(pool.run(JOBS.light));
  await settled();
  await lanes.end();
  assert.deepEqual(lanes.running.map(({ job }) => job), [JOBS.heavy]);
  await lanes.end();
  await lanes.end();
  await Promise.all(jobs);
});

Deno.test("a job is refused at once when those before it will take too long", async () => {
  const { pool, lanes, clock } = await poolOf({ lanes: 1, maxWaitMs: 50 });
  const first = pool.run(JOBS.light);
  const waiting = assert.rejects(pool.run(JOBS.heavy), isBusy);
  await settled();
  await assert.rejects(pool.run(JOBS.light), isBusy);
  clock.advance(51);
  await waiting;
  await lanes.end();
  await first;
});

Deno.test("the pictures that wait share a bound of their bytes", async () => {
  const { pool, lanes } = await poolOf({ lanes: 1, queueBytes: 10_000 });
  const large = new Uint8Array([...photo(), ...photo()]);
  const jobs = [JOBS.light, JOBS.light, JOBS.light].map((job) => pool.run(job));
  await settled();
  await assert.rejects(
    pool.run({ ...JOBS.light, bytes: large }),
    isBusy,
  );
  for (let i = 0; i < 3; i++) await lanes.end();
  await Promise.all(jobs);
});

Deno.test("one lane stays free of heavy jobs", async () => {
  const { pool, lanes } = await poolOf({ lanes: 2, memoryBytes: 1e12 });
  const heavy = [pool.run(JOBS.heavy), pool.run(JOBS.heavy)];
  const light = pool.run(JOBS.light);
  await settled();
  assert.deepEqual(
    lanes.running.map(({ job }) => job),
    [JOBS.heavy, JOBS.light],
  );
  for (let i = 0; i < 3; i++) await lanes.end();
  await Promise.all([...heavy, light]);
});

Deno.test("jobs share the memory, and one that needs more than all of it runs alone", async () => {
  const { pool, lanes } = await poolOf({ lanes: 3, memoryBytes: 100 << 20 });
  const jobs = [pool.run(JOBS.hungry), pool.run(JOBS.light)];
  await settled();
  assert.equal(lanes.running.length, 1);
  await lanes.end();
  assert.deepEqual(lanes.running.map(({ job }) => job), [JOBS.light]);
  await lanes.end();
  await Promise.all(jobs);
});

Deno.test("a lane that has grown is replaced after a rest", async () => {
  const { pool, lanes, clock } = await poolOf({ lanes: 1 });
  const job = pool.run(JOBS.hungry);
  await settled();
  await lanes.end();
  await job;
  assert.deepEqual([lanes.opened, lanes.closed], [1, 0]);
  clock.advance(5001);
  await settled();
  assert.deepEqual([lanes.opened, lanes.closed], [2, 1]);
  assert.equal(pool.stats.lanes, 1);
});

Deno.test("a lane keeps its memory for the next large picture while there is room", async () => {
  const { pool, lanes } = await poolOf({ lanes: 1, memoryBytes: 500 << 20 });
  for (const opened of [1, 1, 2]) {
    const job = pool.run(JOBS.hungry);
    await settled();
    await lanes.end();
    await job;
    assert.equal(lanes.opened, opened);
  }
});

Deno.test("a job that runs too long is abandoned, its lane replaced, its memory still counted", async () => {
  const { pool, lanes, clock } = await poolOf({
    lanes: 1,
    maxRunMs: 1000,
    maxWaitMs: 60_000,
    memoryBytes: 300 << 20,
  });
  const slow = pool.run(JOBS.hungry);
  const refused = assert.rejects(
    slow,
    (error) => isAppError(error, "UNPROCESSABLE"),
  );
  await settled();
  clock.advance(1001);
  await refused;
  await settled();
  assert.deepEqual([pool.stats.lanes, pool.stats.stuck], [1, 1]);

  const next = pool.run(JOBS.hungry);
  const light = pool.run(JOBS.light);
  await settled();
  assert.deepEqual(lanes.running.map(({ job }) => job), [
    JOBS.hungry, // the stuck one
    JOBS.light,
  ]);
  await lanes.end(); // the stuck one
  assert.equal(pool.stats.stuck, 0);
  await lanes.end();
  await light;
  await lanes.end();
  await next;
});

Deno.test("a lane that breaks fails its job alone", async () => {
  const { pool, lanes } = await poolOf({ lanes: 1 });
  const job = pool.run(JOBS.light);
  const failed = assert.rejects(job, /a lane broke/);
  await settled();
  await lanes.end(new Error("out of memory"));
  await failed;
  const next = pool.run(JOBS.light);
  await settled();
  await lanes.end();
  assert.equal((await next).width, 1);
});

Deno.test("a picture beyond the limits never reaches a lane", async () => {
  const { pool, lanes } = await poolOf();
  await assert.rejects(
    pool.run(renderJob("bomb/jpeg-scan-bomb.jpg")),
    (error) => isAppError(error, "UNPROCESSABLE"),
  );
  assert.equal(lanes.running.length, 0);
});

Deno.test("without worker threads, pictures are rendered on the main thread", async () => {
  const pool = new RenderPool(DEFAULT_POOL, {
    clock: systemClock,
    log: silentLogger,
    openLane: () => ({
      ready: Promise.reject(new Error("no permission")),
      run: () => Promise.reject(new Error("never")),
      close() {},
    }),
  });
  await pool.start();
  const [a, b] = await Promise.all([
    pool.run(JOBS.light),
    pool.run(renderJob("png/rgb8.png")),
  ]);
  assert.deepEqual([a?.width, b?.width], [20, 20]);
  assert.equal(pool.stats.lanes, 1);
  pool.close();
});

Deno.test("workers render, and pass on the renderer's errors", async () => {
  const pool = new RenderPool(
    { ...DEFAULT_POOL, lanes: 1 },
    { clock: systemClock, log: silentLogger, openLane: workerLane },
  );
  await pool.start();
  const { bytes, width } = await pool.run(JOBS.light);
  assert.equal(width, 20);
  assert.equal(sniff(bytes)?.format, "png");
  await assert.rejects(
    pool.run(renderJob("broken/webp-truncated.webp")),
    (error) =>
      isAppError(error, "UNPROCESSABLE") && /broken WebP/.test(error.message),
  );
  pool.close();
});
