import assert from "node:assert/strict";
import { chunksOf, collect } from "./stream.ts";

/** A source that waits until it is pulled or cancelled. */
function waitingSender() {
  const told: unknown[] = [];
  const body = new ReadableStream<Uint8Array>({
    cancel: (reason) => {
      told.push(reason);
    },
  });
  return { body, told };
}

Deno.test("a source is cancelled when the abort came before the first read", async () => {
  const { body, told } = waitingSender();
  const reason = new Error("too slow");
  const signal = AbortSignal.abort(reason);
  await assert.rejects(collect(body, 10, signal), (error) => error === reason);
  assert.deepEqual(told, [reason]);
});

Deno.test("a source is cancelled when the abort comes during a read", async () => {
  const { body, told } = waitingSender();
  const reason = new Error("too slow");
  const controller = new AbortController();
  const read = collect(body, 10, controller.signal);
  controller.abort(reason);
  await assert.rejects(read, (error) => error === reason);
  assert.deepEqual(told, [reason]);
});

Deno.test("a source is cancelled when its reader stops early", async () => {
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

Deno.test("bytes in memory are not returned after an abort", async () => {
  const read = collect(
    new Uint8Array(1),
    10,
    AbortSignal.abort(new Error("no")),
  );
  await assert.rejects(read, /no/);
});
