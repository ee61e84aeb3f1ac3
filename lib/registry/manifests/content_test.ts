import assert from "node:assert/strict";
import { LargeValues } from "../../kv/large_value.ts";
import { createLogger } from "../../log.ts";
import { digestOf } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import { ManifestContent } from "./content.ts";
import { ContentScrub } from "./content_scrub.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const values = new LargeValues(kv, clock);
  const lines: string[] = [];
  let counted = 0;
  const log = createLogger({ level: "info", write: (l) => lines.push(l) });
  return {
    kv,
    values,
    lines,
    counted: () => counted,
    /** As another process, with an empty cache. */
    content: () =>
      new ManifestContent({
        ...{ kv, clock, values, maxCachedBytes: 0 },
        watch: { log, damaged: () => counted++ },
      }),
    [Symbol.dispose]: () => kv.close(),
  };
}

/** Bytes of a manifest; more than 60,000 are stored in chunks. */
function manifest(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).fill(32);
}

Deno.test("bytes of a manifest that do not match its digest are deleted, logged and counted, never returned", async () => {
  using store = await open();
  for (const size of [500, 150_000]) {
    const bytes = manifest(size);
    const digest = digestOf(bytes);
    await store.content().put(digest, bytes);
    assert.deepEqual(await store.content().get(digest), bytes);
    const wrong = bytes.slice();
    wrong[7] = 33;
    await store.values.set(registryKeys.content(digest), wrong);
    const content = store.content();
    assert.equal(await content.get(digest), undefined);
    assert.equal(content.peek(digest), undefined);
    assert.equal(
      await store.values.get(registryKeys.content(digest)),
      undefined,
    );
    await content.put(digest, bytes);
    assert.deepEqual(await store.content().get(digest), bytes);
  }
  assert.equal(store.counted(), 2);
  assert.match(store.lines.join(), /stored manifest is damaged/);
});

Deno.test("a manifest with a missing chunk counts as absent", async () => {
  using store = await open();
  const bytes = manifest(150_000);
  const digest = digestOf(bytes);
  await store.content().put(digest, bytes);
  for await (const { key } of store.kv.list({ prefix: ["kv", "chunk"] })) {
    await store.kv.delete(key);
    break;
  }
  assert.equal(await store.content().get(digest), undefined);
  await store.content().put(digest, bytes);
  assert.deepEqual(await store.content().get(digest), bytes);
});

Deno.test("a scrub of manifests finds damaged bytes and missing chunks, and keeps the others", async () => {
  using store = await open();
  const kinds = new Map<string, string>();
  for (const [i, size] of [100, 200, 150_000, 160_000].entries()) {
    const bytes = manifest(size);
    const digest = digestOf(bytes);
    await store.content().put(digest, bytes);
    kinds.set(digest, i % 2 === 0 ? "right" : "digest");
    if (i % 2 === 0) continue;
    await store.values.set(registryKeys.content(digest), bytes.slice(1));
  }
  const scrub = new ContentScrub(store.kv, store.values);
  const found = new Map<string, string>();
  for await (const { id, check } of scrub.items()) {
    const outcome = await check(() => Promise.resolve());
    found.set(
      id,
      outcome.result === "damaged" ? outcome.damage : outcome.result,
    );
  }
  assert.deepEqual([...found].sort(), [...kinds].sort());
  const [first] = [...kinds.keys()].sort();
  const rest = await Array.fromAsync(scrub.items(first), ({ id }) => id);
  assert.ok(rest.length > 0 && !rest.includes(first ?? ""));
});
