import assert from "node:assert/strict";
import type { Clock } from "../../clock.ts";
import { withRetries } from "./s3_retry.ts";

/** A clock that never waits and records the waiting times. */
function hurried() {
  const pauses: number[] = [];
  const clock: Clock = {
    now: () => 0,
    sleep: (ms) => {
      pauses.push(ms);
      return Promise.resolve();
    },
  };
  return { clock, pauses };
}

function answered(name: string, status?: number, more: object = {}): Error {
  const $metadata = { httpStatusCode: status, ...more };
  return Object.assign(new Error(name), { name, $metadata });
}

Deno.test("transient errors are retried with growing pauses", async () => {
  for (
    const error of [
      new Error("socket hang up"),
      new SyntaxError("half an answer"),
      answered("InternalError", 500),
      answered("SlowDown", 503),
      answered("RequestTimeout", 400),
      answered("Broken", 200),
      answered("RequestTimeTooSkewed", 403, { clockSkewCorrected: true }),
    ]
  ) {
    const { clock, pauses } = hurried();
    let tried = 0;
    const result = await withRetries(
      { tries: 6, waitMs: 1000, clock },
      () => ++tried < 4 ? Promise.reject(error) : Promise.resolve("done"),
    );
    assert.equal(result, "done");
    assert.equal(pauses.length, 3);
    const [first = 0, , third = 0] = pauses;
    assert.ok(third > first && third <= 5000, `${pauses}`);
  }
});

Deno.test("permanent errors are reported at once", async () => {
  for (
    const error of [
      answered("AccessDenied", 403),
      answered("NoSuchKey", 404),
      answered("NotImplemented", 501),
      answered("RequestTimeTooSkewed", 403),
      answered("CredentialsProviderError"),
    ]
  ) {
    const { clock, pauses } = hurried();
    const work = withRetries(
      { tries: 6, waitMs: 1000, clock },
      () => Promise.reject(error),
    );
    await assert.rejects(work, (thrown) => thrown === error);
    assert.deepEqual(pauses, []);
  }
});

Deno.test("retries end with the last error", async () => {
  const { clock, pauses } = hurried();
  let tried = 0;
  const work = withRetries(
    { tries: 3, waitMs: 1000, clock },
    () => Promise.reject(new Error(`try ${++tried}`)),
  );
  await assert.rejects(work, /try 3/);
  assert.equal(pauses.length, 2);
});

Deno.test("a hanging attempt is aborted and retried once", async () => {
  const { clock } = hurried();
  const signals: AbortSignal[] = [];
  const work = withRetries(
    { tries: 6, waitMs: 5, clock },
    ({ abortSignal }) => {
      signals.push(abortSignal);
      return new Promise(() => {});
    },
  );
  await assert.rejects(work, { name: "TimeoutError" });
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, true]);
});

Deno.test("an abort ends the retries with its reason", async () => {
  const { clock } = hurried();
  const controller = new AbortController();
  const { signal } = controller;
  const work = withRetries({ tries: 6, waitMs: 10_000, clock, signal }, () => {
    controller.abort(new Error("client gone"));
    return new Promise(() => {});
  });
  await assert.rejects(work, /client gone/);
  await assert.rejects(
    withRetries({ tries: 6, waitMs: 1, clock, signal }, () => assert.fail()),
    /client gone/,
  );
});
