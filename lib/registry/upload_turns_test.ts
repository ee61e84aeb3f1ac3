import assert from "node:assert/strict";
import { AppError, isAppError } from "../errors.ts";
import { ManualClock } from "../testing_clock.ts";
import { until } from "../../tests/support/until.ts";
import { UploadTurns } from "./upload_turns.ts";

type Body = ReadableStream<Uint8Array> | undefined;

const bytesOf = async (body: Body) => {
  let bytes = 0;
  for await (const chunk of body ?? []) bytes += chunk.length;
  return bytes;
};

/** A body that sends three bytes and then nothing more. */
function silentBody() {
  const made = { pulls: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (made.pulls++ === 0) controller.enqueue(new Uint8Array(3));
      else return new Promise(() => {});
    },
    cancel: () => {
      made.cancelled = true;
    },
  }, { highWaterMark: 0 });
  return Object.assign(made, { body });
}

const sent = (bytes: number) =>
  new Blob([new Uint8Array(bytes)]).stream() as ReadableStream<Uint8Array>;

const isBusy = (error: unknown) =>
  isAppError(error, "BUSY") && (error.retryAfterSeconds ?? 0) > 0;

Deno.test("a request on an upload that another one works on has to try again", async () => {
  const turns = new UploadTurns(new ManualClock());
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const first = turns.run("a", undefined, () => end);
  await assert.rejects(turns.run("a", sent(1), bytesOf), isBusy);
  assert.equal(await turns.run("b", sent(1), bytesOf), 1);
  resolve();
  await first;
  assert.equal(await turns.run("a", sent(2), bytesOf), 2);
});

Deno.test("a request whose client has been silent for seconds gives way", async () => {
  const clock = new ManualClock();
  const turns = new UploadTurns(clock);
  const silent = silentBody();
  const first = turns.run("a", silent.body, bytesOf);
  const refused = assert.rejects(
    first,
    (error) => isAppError(error, "BLOB_UPLOAD_INVALID"),
  );
  await until(() => silent.pulls === 2);
  clock.advance(1_000);
  await assert.rejects(turns.run("a", sent(1), bytesOf), isBusy);
  clock.advance(2_000);
  assert.equal(await turns.run("a", sent(7), bytesOf), 7);
  await refused;
  assert.ok(silent.cancelled);
});

Deno.test("a request that works without its client does not give way", async () => {
  const clock = new ManualClock();
  const turns = new UploadTurns(clock);
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const first = turns.run("a", sent(5), async (body) => {
    await bytesOf(body);
    await end;
  });
  clock.advance(60_000);
  await assert.rejects(turns.run("a", sent(1), bytesOf), isBusy);
  resolve();
  await first;
});

Deno.test("an upload that another instance works on is to be tried again as well", async () => {
  const turns = new UploadTurns(new ManualClock());
  const conflict = () =>
    Promise.reject(new AppError("CONFLICT", "Another request works on it."));
  await assert.rejects(turns.run("a", undefined, conflict), isBusy);
});
