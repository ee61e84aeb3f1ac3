import assert from "node:assert/strict";
import { join } from "node:path";
import { isAppError } from "../errors.ts";
import { systemClock } from "../clock.ts";
import { DenoKv } from "./deno_kv.ts";
import type { Kv } from "./kv.ts";
import { withLease } from "./lease.ts";
import { retryPolicyFor } from "./retry.ts";
import { openKv } from "./open_kv.ts";

const whileUnlocked = retryPolicyFor(true);

/** Two independent stores over one file, and two objects over one memory. */
const PAIRS: Record<string, (folder: string) => Promise<[Kv, Kv]>> = {
  "one file": async (folder) => {
    const file = join(folder, "kv.sqlite3");
    return [await openKv(file), await openKv(file)];
  },
  "one memory": async () => {
    const kv = await Deno.openKv(":memory:");
    return [new DenoKv(kv), new DenoKv(kv)];
  },
};

for (const [name, open] of Object.entries(PAIRS)) {
  const test = (what: string, body: (pair: [Kv, Kv]) => Promise<void>) =>
    Deno.test(`two stores over ${name}: ${what}`, async () => {
      const folder = await Deno.makeTempDir({ prefix: "atcr-kv-" });
      const pair = await open(folder);
      try {
        await body(pair);
      } finally {
        pair[0].close();
        if (name === "one file") pair[1].close();
        await Deno.remove(folder, { recursive: true });
      }
    });

  test("no compare-and-set is lost and none fails for a lock", async (pair) => {
    const key = ["sum"];
    let conflicts = 0;
    const add = async (kv: Kv, times: number) => {
      while (times > 0) {
        const entry = await kv.get<number>(key);
        const done = await kv.atomic()
          .check(key, entry?.versionstamp ?? null)
          .set(key, (entry?.value ?? 0) + 1)
          .commit();
        if (done) times--;
        else conflicts++;
      }
    };
    await Promise.all([...pair, ...pair].map((kv) => add(kv, 50)));
    assert.equal((await pair[0].get(key))?.value, 200);
    assert.ok(conflicts > 0, "the writers never met");
  });

  test("a lease has one holder at a time and every caller gets it", async (pair) => {
    let inside = 0;
    const turns = [0, 0];
    await Promise.all(
      [0, 1, 0, 1, 0, 1].map((who) =>
        withLease(
          pair[who] ?? pair[0],
          systemClock,
          "shared",
          { ttlMs: 10_000, waitMs: 30_000 },
          async () => {
            assert.equal(++inside, 1);
            await systemClock.sleep(5);
            inside--;
            turns[who] = (turns[who] ?? 0) + 1;
          },
        )
      ),
    );
    assert.deepEqual(turns, [3, 3]);
  });

  test("counters of both stores add up", async (pair) => {
    await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => (pair[i % 2] ?? pair[0]).atomic().sum(["n"], 1n).commit(),
      ),
    );
    assert.equal(await pair[1].counter(["n"]), 40n);
  });
}

const locked = () => new TypeError("database is locked");

Deno.test("a call is retried while the database is locked", async () => {
  let calls = 0;
  const value = await whileUnlocked(() =>
    ++calls < 5 ? Promise.reject(locked()) : Promise.resolve("ok")
  );
  assert.equal(value, "ok");
  assert.equal(calls, 5);
});

Deno.test("other errors are passed on at once", async () => {
  let calls = 0;
  await assert.rejects(
    whileUnlocked(() => {
      calls++;
      return Promise.reject(new TypeError("Value too large"));
    }),
    /Value too large/,
  );
  assert.equal(calls, 1);
});

Deno.test("a database that stays locked is reported as unavailable", async () => {
  await assert.rejects(
    whileUnlocked(() => Promise.reject(locked())),
    (error) =>
      isAppError(error, "UNAVAILABLE") &&
      /locked/.test(error.operator ?? ""),
  );
});

Deno.test("a full disk is reported as such, at once", async () => {
  let calls = 0;
  await assert.rejects(
    whileUnlocked(() => {
      calls++;
      return Promise.reject(new TypeError("database or disk is full"));
    }),
    (error) => isAppError(error, "STORAGE_FULL") && /full/.test(error.message),
  );
  assert.equal(calls, 1);
});

Deno.test("calls to a remote store that does not answer time out", async () => {
  const policy = retryPolicyFor(false, 20);
  assert.equal(await policy(() => Promise.resolve("here")), "here");
  await assert.rejects(
    policy(() => new Promise(() => {})),
    (error) =>
      isAppError(error, "UNAVAILABLE") &&
      /does not answer/.test(error.message),
  );
});

Deno.test("the error for a store that cannot be opened names the setting", async () => {
  const file = await Deno.makeTempFile({ prefix: "atcr-kv-" });
  try {
    await assert.rejects(
      openKv(join(file, "kv.sqlite3")),
      (error) =>
        isAppError(error, "UNAVAILABLE") && /kv\.url/.test(error.message),
    );
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("a database that cannot be written is reported to the operator, at once", async () => {
  let calls = 0;
  await assert.rejects(
    whileUnlocked(() => {
      calls++;
      return Promise.reject(
        new TypeError("attempt to write a readonly database"),
      );
    }),
    (error) =>
      isAppError(error, "UNAVAILABLE") && /disk/.test(error.operator ?? ""),
  );
  assert.equal(calls, 1);
});
