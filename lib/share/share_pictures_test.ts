import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { LargeValues } from "../kv/large_value.ts";
import { openKv } from "../kv/open_kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { SharePictures } from "./share_pictures.ts";

const FACTS = { brand: { name: "ATCR" }, title: "app", facts: ["1.0"] };

/** The service on an empty store; it counts what is drawn. */
async function start(size = 50_000) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const drawn: string[] = [];
  const open = () =>
    new SharePictures({
      ...{ clock, log: silentLogger },
      values: new LargeValues(kv, clock),
      limits: new RateLimiter(kv, clock),
      draw: (svg) => {
        drawn.push(svg);
        return Promise.resolve(new Uint8Array(size).fill(drawn.length));
      },
    });
  return { open, drawn, clock, [Symbol.dispose]: () => kv.close() };
}

Deno.test("a picture is drawn once for all instances, and again when it says something else", async () => {
  using world = await start(90_000);
  const first = await world.open().get(FACTS, "192.0.2.1");
  const again = await world.open().get(FACTS, "192.0.2.2");
  assert.deepEqual(again, first);
  assert.equal(world.drawn.length, 1);
  const other = await world.open().get({ ...FACTS, facts: ["1.1"] }, undefined);
  assert.notEqual(other.version, first.version);
  assert.equal(other.png[0], 2);
});

Deno.test("requests for a picture that is being drawn share it", async () => {
  using world = await start();
  const service = world.open();
  const all = await Promise.all(
    Array.from({ length: 5 }, () => service.get(FACTS, "192.0.2.1")),
  );
  assert.equal(world.drawn.length, 1);
  assert.equal(new Set(all.map(({ version }) => version)).size, 1);
});

Deno.test("a client has only so many pictures drawn a minute; kept ones and other clients go on", async () => {
  using world = await start();
  const service = world.open();
  const get = (title: number, address: string) =>
    service.get({ ...FACTS, title: `app-${title}` }, address);
  for (let i = 0; i < 30; i++) await get(i, "192.0.2.1");
  await assert.rejects(
    get(30, "192.0.2.1"),
    (error) =>
      isAppError(error, "TOOMANYREQUESTS") &&
      error.retryAfterSeconds !== undefined,
  );
  assert.equal((await get(29, "192.0.2.1")).png[0], 30);
  await get(30, "192.0.2.2");
  world.clock.advance(60_000);
  await get(31, "192.0.2.1");
});

Deno.test("pictures for an address that many clients may share are not counted", async () => {
  using world = await start();
  const service = world.open();
  for (let i = 0; i < 62; i++) {
    const address = i % 2 ? "127.0.0.1" : "unknown";
    await service.get({ ...FACTS, title: `app-${i}` }, address);
  }
});

Deno.test("a picture too large to be kept is served", async () => {
  using world = await start(130_000);
  const { png } = await world.open().get(FACTS, undefined);
  assert.equal(png.length, 130_000);
  await world.open().get(FACTS, undefined);
  assert.equal(world.drawn.length, 2);
});
