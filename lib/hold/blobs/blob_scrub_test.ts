import assert from "node:assert/strict";
import { digestOf } from "../../oci/digest.ts";
import type { ScrubOutcome } from "../../scrub/source.ts";
import {
  noise,
  onEachHold,
  pushBlob,
  read,
  type TestHold,
} from "../testing.ts";
import { BlobScrub } from "./blob_scrub.ts";
import { DamageReporter } from "./damage.ts";
import { silentLogger } from "../../testing_log.ts";

/** Runs in another process than the server. */
function scrubOf({ store, keys, rows }: TestHold): BlobScrub {
  const metrics = { blobDamaged: () => {} };
  const damage = new DamageReporter({ rows, log: silentLogger, metrics });
  return new BlobScrub({ store, keys, rows, damage });
}

function resultOf(outcome: ScrubOutcome): string {
  return outcome.result === "damaged" ? outcome.damage : outcome.result;
}

async function scrub(
  hold: TestHold,
  pace: () => Promise<void> = () => Promise.resolve(),
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { id, check } of scrubOf(hold).items()) {
    found.set(id, resultOf(await check(pace)));
  }
  return found;
}

onEachHold(
  "a scrub finds and hides flipped, truncated, grown, swapped and deleted objects, and nothing else",
  async (hold, { store, clock }) => {
    const names = ["right", "flipped", "cut", "grown", "gone", "one", "other"];
    const blobs = new Map<string, Uint8Array<ArrayBuffer>>();
    const key = (name: string) =>
      hold.keys.blob(digestOf(blobs.get(name) ?? new Uint8Array()));
    for (const [i, name] of names.entries()) {
      const bytes = noise(1_000, i + 1);
      blobs.set(name, bytes);
      await pushBlob(hold, bytes);
    }
    const of = (name: string) => blobs.get(name) ?? new Uint8Array();
    const flipped = of("flipped").slice();
    flipped[999] = (flipped[999] ?? 0) ^ 0x80;
    await store.put(key("flipped"), flipped);
    await store.put(key("cut"), of("cut").slice(0, 999));
    await store.put(key("grown"), new Uint8Array([...of("grown"), 0]));
    await store.delete(key("gone"));
    await store.put(key("one"), of("other"));
    await store.put(key("other"), of("one"));
    const wanted = {
      right: "right",
      flipped: "digest",
      cut: "size",
      grown: "size",
      gone: "missing",
      one: "digest",
      other: "digest",
    };
    // Known damage is reported by every run.
    for (let run = 0; run < 2; run++) {
      const found = await scrub(hold);
      for (const [name, result] of Object.entries(wanted)) {
        assert.equal(found.get(digestOf(of(name))), result, name);
        const readable = await read(hold, of(name));
        assert.deepEqual(readable, result === "right" ? of(name) : undefined);
      }
    }
    clock.advance(1_000);
    for (const bytes of blobs.values()) await pushBlob(hold, bytes);
    const found = await scrub(hold);
    assert.deepEqual(new Set(found.values()), new Set(["right"]));
  },
);

onEachHold(
  "an object repaired by the operator is readable after a scrub",
  async (hold, { store }) => {
    const bytes = noise(1_000);
    const digest = await pushBlob(hold, bytes);
    await store.put(hold.keys.blob(digest), noise(1_000, 2));
    assert.equal((await scrub(hold)).get(digest), "digest");
    await store.put(hold.keys.blob(digest), bytes);
    assert.equal((await scrub(hold)).get(digest), "mended");
    assert.deepEqual(await read(hold, bytes), bytes);
    assert.equal((await scrub(hold)).get(digest), "right");
  },
);

onEachHold(
  "a push during a scrub of the old bytes is not hidden",
  async (hold, { store, clock }) => {
    const bytes = noise(1_000);
    const digest = await pushBlob(hold, bytes);
    await store.put(hold.keys.blob(digest), noise(1_000, 2));
    let pushed = false;
    const found = await scrub(hold, async () => {
      if (pushed) return;
      pushed = true;
      clock.advance(1);
      await pushBlob(hold, bytes);
    });
    assert.equal(found.get(digest), "right");
    assert.deepEqual(await read(hold, bytes), bytes);
  },
);

onEachHold(
  "a scrub ignores blobs removed by the operator or being purged",
  async (hold, { store }) => {
    const removed = await pushBlob(hold, noise(100, 1));
    const hidden = await pushBlob(hold, noise(100, 2));
    await hold.blobs.remove(removed);
    await hold.rows.quarantine(hidden, "Unneeded.");
    await store.delete(hold.keys.blob(removed));
    const found = await scrub(hold);
    assert.deepEqual(
      [found.get(removed), found.get(hidden)],
      ["changed", "right"],
    );
    assert.equal((await hold.rows.find(hidden))?.state, "quarantined");
    assert.equal((await hold.rows.find(removed))?.state, "removed");
  },
);

onEachHold("a scrub continues after the given blob", async (hold) => {
  for (let i = 1; i <= 5; i++) await pushBlob(hold, noise(10, i));
  const source = scrubOf(hold);
  const ids = await Array.fromAsync(source.items(), ({ id }) => id);
  assert.deepEqual(ids, ids.toSorted());
  assert.deepEqual(
    await Array.fromAsync(source.items(ids[1]), ({ id }) => id),
    ids.slice(2),
  );
  assert.match(source.randomId(), /^sha256:[0-9a-f]{64}$/);
});
