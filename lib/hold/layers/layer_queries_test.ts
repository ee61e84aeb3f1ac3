import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import { ALICE, BOB, noise } from "../testing.ts";
import { imageOf, openServices } from "../testing_services.ts";
import type { LayerQuery } from "./layer_queries.ts";

/** A hold with one image of two layers in each of three repositories, an hour apart. */
async function openFilled() {
  const hold = await openServices();
  const layers: Digest[][] = [];
  for (
    const [owner, repository] of [
      [ALICE, "app"],
      [ALICE, "tool"],
      [BOB, "app"],
    ] as const
  ) {
    const pushed = [
      await hold.push(owner, noise(10 + layers.length)),
      await hold.push(owner, noise(20 + layers.length)),
    ];
    await hold.notify.push(
      owner,
      imageOf(owner, pushed, { repository, tag: "v1" }),
    );
    layers.push(pushed);
    hold.clock.advance(3_600_000);
  }
  const find = async (query: Partial<LayerQuery>) => {
    const { records } = await hold.layerQueries.find({ limit: 50, ...query });
    return records.map(({ value }) => value.digest).sort();
  };
  const [app = [], tool = [], bobs = []] = layers;
  return { hold, find, app, tool, bobs };
}

Deno.test("layers are found by account, by repository, and by time", async () => {
  const { hold, find, app, tool, bobs } = await openFilled();
  await using _ = hold;
  const now = hold.clock.now();
  const hours = (count: number) => now - count * 3_600_000;
  const cases = [
    [{}, [...app, ...tool, ...bobs]],
    [{ user: ALICE }, [...app, ...tool]],
    [{ repository: "app" }, [...app, ...bobs]],
    [{ user: ALICE, repository: "tool" }, tool],
    [{ repository: "none" }, []],
    [{ since: hours(1) }, bobs],
    [{ until: hours(2) }, app],
    [{ since: hours(2), until: hours(1) }, tool],
  ] as const;
  for (const [query, expected] of cases) {
    assert.deepEqual(
      await find(query),
      [...expected].sort(),
      JSON.stringify(query),
    );
  }
});

Deno.test("a list of layers is read page by page, also within a manifest", async () => {
  const { hold, app, tool, bobs } = await openFilled();
  await using _ = hold;
  for (const limit of [1, 3, 6]) {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await hold.layerQueries.find({ limit, cursor });
      assert.ok(page.records.length <= limit);
      found.push(...page.records.map(({ value }) => value.digest));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(found.sort(), [...app, ...tool, ...bobs].sort());
  }
  await assert.rejects(
    hold.layerQueries.find({ limit: 1, cursor: "5" }),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});

Deno.test("a manifest that was pushed to two repositories is found by both", async () => {
  const { hold, find, app } = await openFilled();
  await using _ = hold;
  const event = { repository: "copy", tag: "v1" };
  await hold.notify.push(ALICE, imageOf(ALICE, app, event));
  assert.deepEqual(await find({ repository: "copy" }), [...app].sort());
  assert.deepEqual(
    await find({ user: ALICE, repository: "app" }),
    [...app].sort(),
  );
});
