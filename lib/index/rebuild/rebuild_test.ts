import assert from "node:assert/strict";
import { openKv } from "../../kv/open_kv.ts";
import { rowsBelow } from "../testing_rows.ts";
import { ALICE } from "../cards/testing_records.ts";
import { randomly } from "./testing_random.ts";
import { World } from "./testing_world.ts";

const quiet = {
  restart: false,
  signal: new AbortController().signal,
  progress: () => {},
};

Deno.test("what is rebuilt from nothing equals what pushes and the stream have made", async (t) => {
  for (
    const { seed, events } of [
      ...Array.from({ length: 12 }, (_, seed) => ({ seed, events: 150 })),
      { seed: 99, events: 5_000 },
    ]
  ) {
    await t.step(`${events} events of seed ${seed}`, async () => {
      const world = await World.start(seed, 1 + seed % 5);
      await world.live(events);
      await world.settle();
      world.clock.advance(3_600_000);
      const empty = await openKv(":memory:", world.clock);
      try {
        await world.rebuild(empty).run(quiet);
        const incremental = await rowsBelow(world.kv, ["index", 1]);
        assert.ok(incremental.length > 50);
        assert.deepEqual(await rowsBelow(empty, ["index", 1]), incremental);
        assert.deepEqual(await rowsBelow(empty, ["observed"]), []);
      } finally {
        empty.close();
        world.kv.close();
      }
    });
  }
});

Deno.test("events of an account that are applied together leave what they leave one by one", async () => {
  for (let seed = 20; seed < 30; seed++) {
    const [alone, together] = [
      await World.start(seed),
      await World.start(seed, 10),
    ];
    try {
      for (const world of [alone, together]) {
        await world.live(150);
        await world.settle();
      }
      const rows = (world: World) => rowsBelow(world.kv, []);
      assert.deepEqual(await rows(together), await rows(alone), `${seed}`);
    } finally {
      alone.kv.close();
      together.kv.close();
    }
  }
});

Deno.test("a rebuild mends what is broken, and leaves what was observed and what is right", async () => {
  const world = await World.start(5);
  const { kv } = world;
  await world.live(600);
  await world.settle();
  world.clock.advance(3_600_000);
  const before = await rowsBelow(kv, ["index", 1]);
  const observed = await rowsBelow(kv, ["observed"]);
  assert.ok(observed.length > 100);
  await world.rebuild(kv).run(quiet);
  assert.deepEqual(await rowsBelow(kv, ["index", 1]), before);
  const random = randomly(1);
  for await (const { key } of kv.list({ prefix: ["index", 1] })) {
    if (random() < 0.3) await kv.delete(key);
  }
  for (
    const kind of [
      ...["word", "updated_of", "tag_time", "digest_tag", "layer"],
      ...["starred", "hold_of", "hold_member"],
    ]
  ) {
    for await (
      const { key, value } of kv.list({ prefix: ["index", 1, kind] })
    ) {
      if (random() > 0.1) continue;
      await kv.set([...key.slice(0, -1), `${String(key.at(-1))}x`], value);
    }
  }
  await kv.set(["index", 0, "card", "old"], 1);
  await kv.set(["index", 2, "card", "new"], 1);
  await world.rebuild(kv).run(quiet);
  assert.deepEqual(await rowsBelow(kv, ["index", 1]), before);
  assert.deepEqual(await rowsBelow(kv, ["observed"]), observed);
  assert.equal(
    (await rowsBelow(kv, ["index"])).filter((line) => !line.startsWith("1 "))
      .length,
    0,
  );
  kv.close();
});

Deno.test("a rebuild that was stopped goes on where it was", async () => {
  const world = await World.start(3);
  const { kv } = world;
  await world.live(300);
  await world.settle();
  world.clock.advance(3_600_000);
  const before = await rowsBelow(kv, ["index", 1]);
  const stop = new AbortController();
  await assert.rejects(
    world.rebuild(kv).run({
      ...quiet,
      signal: stop.signal,
      progress: () => stop.abort(new Error("stopped")),
    }),
    /stopped/,
  );
  const { owners } = await world.rebuild(kv).run(quiet);
  assert.equal(owners, 2);
  assert.deepEqual(await rowsBelow(kv, ["index", 1]), before);
  kv.close();
});

Deno.test("an owner whose repo cannot be listed loses nothing", async () => {
  const world = await World.start(4);
  const { kv } = world;
  await world.live(300);
  await world.settle();
  world.clock.advance(3_600_000);
  const before = await rowsBelow(kv, ["index", 1]);
  world.down.add(ALICE);
  const { unlisted } = await world.rebuild(kv).run(quiet);
  assert.equal(unlisted, 1);
  assert.ok(world.lookedUp.includes(ALICE) && world.lookedUp.length > 1);
  const cards = (lines: readonly string[]) =>
    lines.filter((line) => line.startsWith("tag "));
  assert.deepEqual(cards(await rowsBelow(kv, ["index", 1])), cards(before));
  kv.close();
});
