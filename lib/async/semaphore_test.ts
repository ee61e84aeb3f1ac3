import assert from "node:assert/strict";
import { Semaphore } from "./semaphore.ts";

/** Work that ends when the test resolves it. */
function work() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, end: resolve };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

Deno.test("no more than the allowed number runs under one name", async () => {
  const slots = new Semaphore(2);
  const jobs = Array.from({ length: 5 }, work);
  const started: number[] = [];
  const all = jobs.map((job, i) =>
    slots.run("a", undefined, () => {
      started.push(i);
      return job.promise;
    })
  );
  await settle();
  assert.deepEqual(started, [0, 1]);
  jobs[1]?.end();
  await settle();
  assert.deepEqual(started, [0, 1, 2]);
  for (const job of jobs) job.end();
  await Promise.all(all);
  assert.deepEqual(started, [0, 1, 2, 3, 4]);
});

Deno.test("names do not wait for each other", async () => {
  const slots = new Semaphore(1);
  const first = work();
  const running = slots.run("a", undefined, () => first.promise);
  await slots.run("b", undefined, () => Promise.resolve());
  first.end();
  await running;
});

Deno.test("failed work releases its slot", async () => {
  const slots = new Semaphore(1);
  await assert.rejects(
    slots.run("a", undefined, () => Promise.reject(new Error("x"))),
  );
  await slots.run("a", undefined, () => Promise.resolve());
});

Deno.test("a caller that gives up waiting leaves the queue without taking a slot", async () => {
  const slots = new Semaphore(1);
  const first = work();
  const running = slots.run("a", undefined, () => first.promise);
  const abort = new AbortController();
  let ran = false;
  const second = slots.run("a", abort.signal, () => {
    ran = true;
    return Promise.resolve();
  });
  const third = slots.run("a", undefined, () => Promise.resolve("done"));
  const reason = new Error("enough");
  abort.abort(reason);
  await assert.rejects(second, (error) => error === reason);
  first.end();
  await running;
  assert.equal(await third, "done");
  assert.equal(ran, false);
});

Deno.test("a caller that gives up when it gets its slot takes no other's place", async () => {
  // The slot is handed over some turns of the event loop after the work ended.
  for (let turns = 0; turns < 10; turns++) {
    const slots = new Semaphore(1);
    const work = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const first = slots.run("", undefined, () => work.promise);
    const second = slots.run("", leaving.signal, () => Promise.resolve())
      .catch(() => {});
    const third = slots.run("", undefined, () => Promise.resolve("done"));
    work.resolve();
    for (let i = 0; i < turns; i++) await undefined;
    leaving.abort();
    await Promise.all([first, second]);
    const late = new Promise((resolve) => setTimeout(resolve, 0, "waits"));
    assert.equal(await Promise.race([third, late]), "done", `${turns}`);
  }
});
