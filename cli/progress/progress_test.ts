import assert from "node:assert/strict";
import { Progress } from "./progress.ts";

function open(isTerminal: boolean) {
  const written: string[] = [];
  const clock = { now: 0 };
  const output = {
    write: (text: string) => void written.push(text),
    isTerminal,
  };
  return { written, clock, progress: new Progress(output, () => clock.now) };
}

Deno.test("a terminal shows one line with count, rate and time left, written over at most ten times a second", () => {
  const { written, clock, progress } = open(true);
  progress.begin("blobs", 4_000);
  for (let done = 1; done <= 1_000; done++) {
    clock.now += 10;
    progress.at(done);
  }
  assert.equal(written.length, 100);
  assert.equal(
    written.at(-1),
    "\r\x1b[K1,000 of 4,000 blobs, 100/s, 30 s left",
  );
  progress.clear();
  progress.clear();
  assert.deepEqual(written.slice(100), ["\r\x1b[K"]);
});

Deno.test("elsewhere a line appears every five seconds", () => {
  const { written, clock, progress } = open(false);
  progress.begin("rows");
  for (let done = 1; done <= 12; done++) {
    clock.now += 1_000;
    progress.at(done);
  }
  progress.clear();
  assert.deepEqual(written, ["5 rows, 1/s\n", "10 rows, 1/s\n"]);
});

Deno.test("what an earlier run did is not counted as fast work, and a wrong total is left out", () => {
  const { written, clock, progress } = open(false);
  progress.begin("blobs", 100_000);
  progress.at(50_001);
  clock.now += 5_000;
  progress.at(50_010);
  progress.begin("blobs", 5);
  clock.now += 5_000;
  progress.at(6);
  clock.now += 3_600_000;
  assert.deepEqual(written, [
    "50,010 of 100,000 blobs, 2/s, 6 h 57 min left\n",
    "6 blobs, 0.2/s\n",
  ]);
});

Deno.test("without an output nothing is written", () => {
  const progress = new Progress(undefined);
  progress.begin("blobs");
  progress.at(1);
  progress.clear();
  assert.equal(progress.isOn, false);
});
