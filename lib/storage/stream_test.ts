import assert from "node:assert/strict";
import { chunksOf, collect } from "./stream.ts";

/** A sender that waits until it is asked for more or told to stop. */
function waitingSender() {
  const told: unknown[] = [];
  const body = new ReadableStream<Uint8Array>({
    cancel: (reason) => {
      told.push(reason);
    },
  });
  return { body, told };
}

Deno.test("a sender is told to stop when the abort came before the first read", async () => {
  const { body, told } = waitingSender();
  const reason = new Error("too slow");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(collect(body, 10, signal), (error) => error === reason);
  assert.deepEqual(told, [reason]);
});

Deno.test("a sender is told to stop when the abort comes while it is waited for", async () => {
  const { body, told } = waitingSender();
  const reason = new Error("too slow");
  const controller = new AbortController();
  const read = collect(body, 10, controller.signal);
  controller.abort(reason);
  await assert.rejects(read, (error) => error === reason);
  assert.deepEqual(told, [reason]);
});

Deno.test("a sender is told to stop when its reader has enough", async () => {
  let stopped = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (stream) => stream.enqueue(new Uint8Array(1)),
    cancel: () => {
      stopped = true;
    },
  });
  for await (const chunk of chunksOf(body)) {
    assert.equal(chunk.length, 1);
    break;
  }
  assert.ok(stopped);
});

Deno.test("bytes in memory are not handed out after an abort", async () => {
  const read = collect(
    new Uint8Array(1),
    10,
    AbortSignal.abort(new Error("no")),
  );
  await assert.rejects(read, /no/);
});
