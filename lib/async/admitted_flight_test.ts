import assert from "node:assert/strict";
import { type Admit, AdmittedFlight } from "./admitted_flight.ts";

/** Work of two steps; callers share it. */
function setUp() {
  const flight = new AdmittedFlight();
  const ran: string[] = [];
  const run = (name: string, admit?: Admit) =>
    flight.run("work", admit, async (admitted) => {
      ran.push(name);
      await new Promise((resolve) => setTimeout(resolve, 1));
      for (let step = 0; step < 2; step++) await admitted?.();
      return name;
    });
  return { run, ran };
}

const refuse = (sentence: string) => () => Promise.reject(new Error(sentence));

Deno.test("work runs once for all callers and counts for the first one", async () => {
  const { run, ran } = setUp();
  const counts = [0, 0, 0];
  const results = await Promise.all(
    counts.map((_, i) =>
      run(`${i}`, () => {
        counts[i] = (counts[i] ?? 0) + 1;
        return Promise.resolve();
      })
    ),
  );
  assert.deepEqual(results, ["0", "0", "0"]);
  assert.deepEqual(counts, [2, 0, 0]);
  assert.deepEqual(ran, ["0"]);
});

Deno.test("a refused caller gets its own refusal, and the others go on without it", async () => {
  const { run, ran } = setUp();
  const results = await Promise.allSettled([
    run("a", refuse("a has had too many")),
    run("b", refuse("b has had too many")),
    run("c", () => Promise.resolve()),
    run("d"),
  ]);
  assert.deepEqual(
    results.map((r) => r.status === "fulfilled" ? r.value : r.reason.message),
    ["a has had too many", "b has had too many", "c", "c"],
  );
  assert.deepEqual(ran, ["a", "b", "c"]);
});

Deno.test("a refusal passes through work that contains other shared work", async () => {
  const outer = new AdmittedFlight();
  const { run } = setUp();
  const nested = (name: string, admit: Admit) =>
    outer.run("outer", admit, (admitted) => run(name, admitted));
  const results = await Promise.allSettled([
    nested("a", refuse("a has had too many")),
    nested("b", () => Promise.resolve()),
    run("c", () => Promise.resolve()),
  ]);
  assert.deepEqual(
    results.map((r) => r.status === "fulfilled" ? "done" : r.reason.message),
    ["a has had too many", "done", "done"],
  );
});

Deno.test("a failure of the work itself is shared", async () => {
  const flight = new AdmittedFlight();
  let runs = 0;
  const run = () =>
    flight.run("work", () => Promise.resolve(), () => {
      runs++;
      return Promise.reject(new Error("the server is down"));
    });
  const results = await Promise.allSettled([run(), run()]);
  assert.ok(results.every(({ status }) => status === "rejected"));
  assert.equal(runs, 1);
});
