import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { ManualClock } from "../../testing_clock.ts";
import { schemaKey } from "../keys.ts";
import type { Kv } from "../kv.ts";
import { openKv } from "../open_kv.ts";
import { migrate, type Migration, schemaVersion } from "./schema_version.ts";

async function withKv(
  work: (kv: Kv, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    await work(kv, clock);
  } finally {
    kv.close();
  }
}

/** Migrations that append their number to a row. */
function migrations(...to: number[]): Migration[] {
  return to.map((to) => ({
    to,
    run: async (kv) => {
      const ran = (await kv.get<number[]>(["ran"]))?.value ?? [];
      await kv.set(["ran"], [...ran, to]);
    },
  }));
}

Deno.test("rows without a version have the first one, and it is written", () =>
  withKv(async (kv, clock) => {
    assert.equal(await migrate(kv, clock), 1);
    assert.deepEqual((await kv.get(schemaKey))?.value, {
      version: 1,
      since: clock.now(),
    });
  }));

Deno.test("each migration that is missing runs once, in order", () =>
  withKv(async (kv, clock) => {
    await migrate(kv, clock, migrations(2));
    const all = migrations(2, 3, 4);
    await migrate(kv, clock, all);
    await migrate(kv, clock, all);
    assert.deepEqual((await kv.get(["ran"]))?.value, [2, 3, 4]);
    assert.equal(await schemaVersion(kv), 4);
  }));

Deno.test("a migration that failed is repeated by the next start, from where it stopped", () =>
  withKv(async (kv, clock) => {
    const [two, three] = migrations(2, 3);
    assert.ok(two && three);
    const broken: Migration = {
      to: 3,
      run: () => Promise.reject(new Error("broken")),
    };
    await assert.rejects(migrate(kv, clock, [two, broken]), /broken/);
    assert.equal(await schemaVersion(kv), 2);
    await migrate(kv, clock, [two, three]);
    assert.deepEqual((await kv.get(["ran"]))?.value, [2, 3]);
  }));

Deno.test("an older program refuses newer rows with a sentence", () =>
  withKv(async (kv, clock) => {
    await migrate(kv, clock, migrations(2));
    await assert.rejects(
      migrate(kv, clock),
      (error) =>
        isAppError(error, "UNAVAILABLE") &&
        /schema 2, and this one reads up to 1/.test(error.message),
    );
  }));
