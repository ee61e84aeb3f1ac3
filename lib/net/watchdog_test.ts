import assert from "node:assert/strict";
import { AppError, isAppError } from "../errors.ts";
import { ManualClock } from "../testing_clock.ts";
import { ok, publicFetch } from "./testing_fetch.ts";

Deno.test("a response that announces too many bytes is not read", async () => {
  let cancelled = false;
  const { fetch } = publicFetch(() =>
    new Response(
      new ReadableStream({
        cancel: () => {
          cancelled = true;
        },
      }),
      { headers: { "content-length": "11" } },
    )
  );
  await assert.rejects(
    fetch("https://a.example/", { maxBytes: 10 }),
    (error) => isAppError(error, "TOO_LARGE"),
  );
  assert.equal(cancelled, true);
});

Deno.test("a response that turns out too large fails while it is read", async () => {
  let produced = 0;
  const { fetch } = publicFetch(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          produced++;
          controller.enqueue(new Uint8Array(4));
        },
      }, { highWaterMark: 0 }),
    )
  );
  const response = await fetch("https://a.example/", { maxBytes: 10 });
  await assert.rejects(
    response.arrayBuffer(),
    (error) => isAppError(error, "TOO_LARGE"),
  );
  assert.equal(produced, 3);
});

Deno.test("a server that never answers times out", async () => {
  const clock = new ManualClock();
  const { fetch } = publicFetch(() => new Promise<Response>(() => {}), {
    clock,
  });
  const pending = fetch("https://slow.example/", {
    timeoutMs: 1_000,
    idleTimeoutMs: Infinity,
  });
  await settle();
  clock.advance(1_000);
  await assert.rejects(pending, (error) => {
    assert(isAppError(error, "UPSTREAM_TIMEOUT"));
    assert.match(error.message, /slow\.example/);
    return true;
  });
});

Deno.test("a resolver that never answers times out as well", async () => {
  const clock = new ManualClock();
  const { fetch } = publicFetch(ok, {
    clock,
    resolve: () => new Promise(() => {}),
  });
  const pending = fetch("https://slow.example/", { timeoutMs: 1_000 });
  await settle();
  clock.advance(1_000);
  await assert.rejects(
    pending,
    (error) => isAppError(error, "UPSTREAM_TIMEOUT"),
  );
});

Deno.test("a stalled body times out after the idle time", async () => {
  const clock = new ManualClock();
  let pulls = 0;
  const { fetch } = publicFetch(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => {
          if (pulls++ > 0) return new Promise(() => {});
          controller.enqueue(new Uint8Array(1));
        },
      }, { highWaterMark: 0 }),
    ), { clock });
  const response = await fetch("https://slow.example/", {
    timeoutMs: Infinity,
    idleTimeoutMs: 500,
  });
  const reading = response.arrayBuffer();
  await settle();
  clock.advance(499);
  await settle();
  clock.advance(1);
  await assert.rejects(
    reading,
    (error) => isAppError(error, "UPSTREAM_TIMEOUT"),
  );
});

/** A body of chunks of `bytes`, one every nine seconds. */
function dripping(clock: ManualClock, bytes: number) {
  let chunks = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await clock.sleep(9_000);
      if (++chunks > 10) controller.close();
      else controller.enqueue(new Uint8Array(bytes));
    },
  }, { highWaterMark: 0 });
  return new Response(body);
}

/** Reads the drips; resolves with their bytes. */
async function readDripping(bytes: number, minBytesPerSecond: number) {
  const clock = new ManualClock();
  const { fetch } = publicFetch(() => dripping(clock, bytes), { clock });
  const limits = { timeoutMs: Infinity, minBytesPerSecond };
  const response = await fetch("https://slow.example/", limits);
  const reading = response.bytes();
  reading.catch(() => {});
  for (let i = 0; i < 12; i++) {
    await settle();
    clock.advance(9_000);
  }
  return (await reading).length;
}

Deno.test("a body that comes slower than the minimum rate ends, one at that rate does not", async () => {
  await assert.rejects(
    readDripping(8_900, 1_000),
    (error) =>
      isAppError(error, "UPSTREAM_TIMEOUT") &&
      error.message.includes("less than 1000 bytes a second"),
  );
  assert.equal(await readDripping(9_000, 1_000), 90_000);
  assert.equal(await readDripping(1, 0), 10);
});

Deno.test("a slow reader does not count against the rate of a server", async () => {
  const clock = new ManualClock();
  const { fetch } = publicFetch(
    () =>
      new Response(ReadableStream.from(Array(50).fill(new Uint8Array(100)))),
    { clock },
  );
  const limits = { timeoutMs: Infinity, minBytesPerSecond: 1_000 };
  const response = await fetch("https://a.example/", limits);
  let bytes = 0;
  assert.ok(response.body);
  for await (const chunk of response.body) {
    bytes += chunk.length;
    clock.advance(9_000);
    await settle();
  }
  assert.equal(bytes, 5_000);
});

Deno.test("a slow reader does not count as server idle time", async () => {
  const clock = new ManualClock();
  const { fetch } = publicFetch(() => new Response("slowly read"), { clock });
  const response = await fetch("https://a.example/", {
    timeoutMs: Infinity,
    idleTimeoutMs: 500,
  });
  for (let i = 0; i < 5; i++) {
    clock.advance(400);
    await settle();
  }
  assert.equal(await response.text(), "slowly read");
});

Deno.test("a slow upload source does not count as server idle time", async () => {
  const clock = new ManualClock();
  let go = () => {};
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      new Promise<void>((resolve) => {
        go = () => {
          controller.close();
          resolve();
        };
      }),
  }, { highWaterMark: 0 });
  const { fetch } = publicFetch(async (request) => {
    assert(request.body instanceof ReadableStream);
    for await (const _ of request.body);
    return ok();
  }, { clock });
  const pending = fetch("https://a.example/", {
    method: "PUT",
    body,
    timeoutMs: Infinity,
    idleTimeoutMs: 500,
  });
  await settle();
  clock.advance(5_000);
  await settle();
  go();
  assert.equal(await (await pending).text(), "ok");
});

Deno.test("an upload whose source breaks fails with the error of the source", async () => {
  const broken = new AppError("BLOB_UPLOAD_INVALID", "The client went away.");
  const { fetch } = publicFetch(async (request) => {
    assert(request.body instanceof ReadableStream);
    for await (const _ of request.body);
    return ok();
  });
  const body = new ReadableStream<Uint8Array>({
    pull: () => {
      throw broken;
    },
  });
  await assert.rejects(
    fetch("https://a.example/", { method: "PUT", body }),
    (error) => error === broken,
  );
});

Deno.test("the caller's abort ends the request with the caller's reason", async () => {
  const { fetch } = publicFetch(() => new Promise<Response>(() => {}));
  const abort = new AbortController();
  const pending = fetch("https://a.example/", { signal: abort.signal });
  const reason = new Error("enough");
  abort.abort(reason);
  await assert.rejects(pending, (error) => error === reason);
});

/** Lets all pending work proceed that does not wait for time. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
