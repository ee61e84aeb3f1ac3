import assert from "node:assert/strict";
import { digestOf } from "../../oci/digest.ts";
import { ManualClock } from "../../testing_clock.ts";
import {
  ALICE,
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
