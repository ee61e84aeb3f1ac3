import assert from "node:assert/strict";
import { digestOf } from "../../oci/digest.ts";
import { ManualClock } from "../../testing_clock.ts";
import {
  ALICE,
  BOB,
  bodyOf,
  brokenBody,
  code,
  MIB,
  noise,
  openHold,
  read,
  StrictStore,
} from "../testing.ts";

const unavailable = code("UNAVAILABLE");
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

Deno.test("large uploads to a store of large parts share the memory of parts, small ones need none", async () => {
  const clock = new ManualClock(Date.now());
  const store = new StrictStore(clock);
  await using hold = await openHold(store, clock, {
    partMemory: { bytes: 8 * MIB, waitMs: 1_000 },
  });
  const bytes = noise(20 * MIB);
  const going = Promise.withResolvers<void>();
  const slow = await hold.uploads.reserve(ALICE);
  const pushed = hold.uploads.append(
    slow,
    0,
    ReadableStream.from((async function* () {
      yield bytes.slice(0, MIB);
      await going.promise;
      yield bytes.slice(MIB);
    })()),
  );
  await settled();
  const small = noise(200_000, 2);
  const whole = await hold.uploads.reserve(ALICE);
  await hold.uploads.append(whole, 0, bodyOf(small));
  await hold.uploads.finish(whole, digestOf(small));
  const late = await hold.uploads.reserve(ALICE);
  const refused = assert.rejects(
    hold.uploads.append(late, 0, bodyOf(noise(MIB, 3))),
    unavailable,
  );
  await settled();
  clock.advance(1_000);
  await refused;
  going.resolve();
  await pushed;
  // What is left of the parts is memory again, also of requests that failed.
  await assert.rejects(
    hold.uploads.append(late, 0, brokenBody(noise(3 * MIB, 3))),
  );
  const other = noise(9 * MIB, 4);
  const next = await hold.uploads.reserve(ALICE);
  const half = 3 * MIB;
  await hold.uploads.append(next, 0, bodyOf(other.slice(0, half)));
  await hold.uploads.append(next, half, bodyOf(other.slice(half)));
  await hold.uploads.finish(next, digestOf(other));
  await hold.uploads.finish(slow, digestOf(bytes));
  assert.deepEqual(await read(hold, other), other);
  assert.deepEqual(await read(hold, bytes), bytes);
});

/** A body that sends `bytes` and does not end. */
function endless(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (to) => to.enqueue(bytes.slice()) });
}

Deno.test("a client that leaves while it waits for memory takes it from nobody", async () => {
  const clock = new ManualClock(Date.now());
  await using hold = await openHold(new StrictStore(clock), clock, {
    partMemory: { bytes: 16 * MIB, waitMs: 1_200 },
  });
  const stop = new AbortController();
  let ended = 0;
  const going = [1, 2].map(async () => {
    const upload = await hold.uploads.reserve(ALICE);
    const body = endless(noise(MIB));
    await hold.uploads.append(upload, 0, body, stop.signal)
      .catch(() => ended++);
  });
  await settled();
  const left = new AbortController();
  const other = await hold.uploads.reserve(BOB);
  const waiting = assert.rejects(
    hold.uploads.append(other, 0, bodyOf(noise(MIB, 2)), left.signal),
    code("BLOB_UPLOAD_INVALID"),
  );
  await settled();
  left.abort();
  await waiting;
  clock.advance(100);
  await settled();
  assert.equal(ended, 0);
  stop.abort();
  await Promise.all(going);
});

Deno.test("completed uploads share the memory of parts for their tails", async () => {
  let sending = 0;
  let most = 0;
  class SlowStore extends StrictStore {
    isSlow = false;

    override async putPart(...args: Parameters<StrictStore["putPart"]>) {
      most = Math.max(most, ++sending);
      if (this.isSlow) await settled();
      sending--;
      return await super.putPart(...args);
    }
  }
  const store = new SlowStore();
  await using hold = await openHold(store, undefined, {
    partMemory: { bytes: 12 * MIB },
  });
  const uploads = await Promise.all([1, 2, 3].map(async (seed) => {
    const bytes = noise(14 * MIB, seed);
    const upload = await hold.uploads.reserve(ALICE);
    await hold.uploads.append(upload, 0, bodyOf(bytes));
    return { upload, digest: digestOf(bytes) };
  }));
  store.isSlow = true;
  most = 0;
  await Promise.all(
    uploads.map(({ upload, digest }) => hold.uploads.finish(upload, digest)),
  );
  assert.equal(most, 2);
});

Deno.test("an account that fills all memory with slow uploads makes room for another one, and can continue", async () => {
  const clock = new ManualClock(Date.now());
  await using hold = await openHold(new StrictStore(clock), clock, {
    partMemory: { bytes: 16 * MIB, waitMs: 1_200 },
  });
  const bytes = noise(MIB);
  const slow = await Promise.all([1, 2].map(async () => {
    const upload = await hold.uploads.reserve(ALICE);
    const body = endless(bytes);
    const stop = new AbortController();
    const { signal } = stop;
    const going = hold.uploads.append(upload, 0, body, signal)
      .catch((error: unknown) => error);
    return { upload, going, stop };
  }));
  await settled();
  const other = await hold.uploads.reserve(BOB);
  const pushed = hold.uploads.append(other, 0, bodyOf(noise(MIB, 2)));
  await settled();
  clock.advance(100);
  assert.deepEqual(await pushed, { offset: MIB });
  const ended = await Promise.race(slow.map(({ going }) => going));
  assert.ok(unavailable(ended), String(ended));
  for (const { stop } of slow) stop.abort();
  await Promise.all(slow.map(({ going }) => going));
  const [first] = slow;
  assert.ok(first);
  await hold.uploads.append(first.upload, 0, bodyOf(bytes));
  await hold.uploads.finish(first.upload, digestOf(bytes));
  assert.ok(await hold.blobs.stat(digestOf(bytes)));
});
