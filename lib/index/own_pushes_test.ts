import assert from "node:assert/strict";
import type { PdsSession } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import { JobRunner } from "../kv/jobs/job_runner.ts";
import { openKv } from "../kv/open_kv.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import type { TagPush } from "./counts/activity.ts";
import { OwnPushes, PAGE_FILL } from "./own_pushes.ts";
import { MemoryRepo } from "./people/testing_repo.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const counted: TagPush[] = [];
  const filled: { repo: string; notes: unknown }[] = [];
  const state: { session: PdsSession | undefined; isDown: boolean } = {
    isDown: false,
    session: new MemoryRepo(ALICE).session,
  };
  const pushes = new OwnPushes({
    clock,
    activities: {
      pushedTogether: (some) => {
        if (state.isDown) return Promise.reject(new Error("no answer"));
        counted.push(...some);
        return Promise.resolve();
      },
    },
    pages: {
      fill: (_session, repo, notes) => {
        filled.push({ repo, notes });
        return Promise.resolve();
      },
    },
    session: () => Promise.resolve(state.session),
    notesOf: (_ref, digest) => Promise.resolve({ digest }),
  });
  const jobs = new JobRunner({ kv, clock, log: silentLogger });
  jobs.register(PAGE_FILL, (page, run) => pushes.fillPage(page, run.signal));
  return {
    clock,
    counted,
    filled,
    state,
    jobs,
    flush: () => pushes.flush(),
    /** Pushes as the registry does: the rows are in its own commit. */
    push: async (letter: string, ...tags: string[]) => {
      const rows = pushes.plan({
        ref: { did: ALICE, repo: "app" },
        digest: digest(letter),
        at: clock.now(),
        tags: tags.map((tag) => ({ tag })),
      });
      const commit = kv.atomic();
      for (const { key, row } of rows) commit.set(key, row);
      await commit.commit();
      return rows.filter(({ key }) => key[0] === "observed").length;
    },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a push is listed with its commit, and counted by the next flush", async () => {
  using t = await open();
  assert.equal(await t.push("a", "v1", "latest"), 4);
  assert.deepEqual(t.counted, []);
  t.state.isDown = true;
  await assert.rejects(t.flush(), /no answer/);
  t.state.isDown = false;
  await t.flush();
  await t.flush();
  assert.deepEqual(t.counted.map(({ tag }) => tag).sort(), ["latest", "v1"]);
});

Deno.test("of buildx's three pushes only that of the tag is one", async () => {
  using t = await open();
  assert.equal(await t.push("a"), 0);
  assert.equal(await t.push("b"), 0);
  assert.equal(await t.push("c", "v1"), 2);
  assert.equal(await t.push("d", `sha256-${"c".repeat(64)}.sig`), 0);
  await t.flush();
  assert.equal(t.counted.length, 1);
});

Deno.test("pushes that follow each other fill the page once, from the last one", async () => {
  using t = await open();
  await t.push("a", "v1");
  await t.jobs.runDue();
  t.clock.advance(5_000);
  await t.push("b", "v2");
  await t.jobs.runDue();
  assert.deepEqual(t.filled, []);
  t.clock.advance(10_000);
  await t.jobs.runDue();
  assert.deepEqual(t.filled, [{ repo: "app", notes: { digest: digest("b") } }]);
});

Deno.test("without a session the page stays, and nothing is tried again", async () => {
  using t = await open();
  t.state.session = undefined;
  await t.push("a", "v1");
  await t.jobs.runDue();
  t.clock.advance(10_000);
  assert.equal(await t.jobs.runDue(), 1);
  t.clock.advance(3_600_000);
  assert.equal(await t.jobs.runDue(), 0);
  assert.deepEqual(t.filled, []);
});
