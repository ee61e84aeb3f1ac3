import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import type { ArtifactKind } from "../cards/artifact_kind.ts";
import type { ListedRepository } from "../reads/card_reads.ts";
import { countFacets } from "./facets.ts";
import type { SearchOptions } from "./query.ts";

const ALICE: Did = "did:plc:alice";

/** A search that finds repositories of these kinds and platforms. */
function searchOf(
  found: readonly [ArtifactKind, ...string[]][],
  cursor?: string,
) {
  const asked: SearchOptions[] = [];
  const items = found.map(([kind, ...platforms], i) => ({
    did: ALICE,
    repo: `repo${i}`,
    card: { image: { kind, platforms } },
  } as unknown as ListedRepository));
  const find = (options: SearchOptions) => {
    asked.push(options);
    return Promise.resolve({
      ...{ items, cursor, exact: undefined, suggestions: [] },
    });
  };
  return { asked, find };
}

const all = () => Promise.resolve(true);

Deno.test("kinds and platforms of matches are counted, each repository once, the most frequent first", async () => {
  const search = searchOf([
    ["helm"],
    ["image", "linux/amd64", "linux/arm/v6", "linux/arm/v7"],
    ["image", "linux/amd64", "unknown/unknown"],
  ]);
  const facets = await countFacets(search, { q: "shop", owner: ALICE }, all);
  assert.deepEqual(facets, {
    kinds: [{ value: "image", count: 2 }, { value: "helm", count: 1 }],
    platforms: [
      { value: "linux/amd64", count: 2 },
      { value: "linux/arm", count: 1 },
    ],
    isCut: false,
  });
  assert.deepEqual(search.asked, [{ q: "shop", owner: ALICE, limit: 100 }]);
  const { items } = await search.find({});
  const none = searchOf([]);
  assert.deepEqual(await countFacets(none, {}, all, items), facets);
  assert.deepEqual(none.asked, [], "what is known is not searched again");
});

Deno.test("a count is what choosing it leaves of the other choice", async () => {
  const search = searchOf([
    ["wasm", "wasip1/wasm"],
    ["image", "linux/arm/v7"],
    ["image", "linux/amd64"],
  ], "more");
  const chosen = { kind: "image", platform: "linux/arm/v7" } as const;
  assert.deepEqual(await countFacets(search, chosen, all), {
    kinds: [{ value: "image", count: 1 }],
    platforms: [
      { value: "linux/amd64", count: 1 },
      { value: "linux/arm", count: 1 },
    ],
    isCut: true,
  });
});
