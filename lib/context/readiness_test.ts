import assert from "node:assert/strict";
import { AppError } from "../errors.ts";
import { createLogger } from "../log.ts";
import { FilesystemBlobStore } from "../storage/filesystem/filesystem.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import {
  Readiness,
  type ReadinessCheck,
  readinessChecks,
} from "./readiness.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";

function open(checks: readonly ReadinessCheck[]) {
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    write: (line) => lines.push(line),
  });
  return { clock, lines, readiness: new Readiness({ checks, clock, log }) };
}

Deno.test("a read-only key-value store is not ready", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const store = new MemoryBlobStore();
  const parts = { kv, store, avatars: undefined, access: undefined };
  const ready = open(readinessChecks(parts, clock)).readiness;
  assert.deepEqual(await ready.report(), {
    ready: true,
    checks: { kv: "ok", storage: "ok" },
  });
  kv.set = () => Promise.reject(new Error("attempt to write a readonly file"));
  const broken = open(readinessChecks(parts, clock)).readiness;
  assert.deepEqual(await broken.report(), {
    ready: false,
    checks: { kv: "failed", storage: "ok" },
  });
  kv.close();
});

Deno.test("a read-only storage folder is not ready, and only the log has its path", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/blobs`, "no folder");
  const store = new FilesystemBlobStore({ folder: `${folder}/blobs` });
  const { readiness, lines } = open([
    { name: "storage", check: () => store.check() },
  ]);
  const report = await readiness.report();
  assert.deepEqual(report, { ready: false, checks: { storage: "failed" } });
  assert.equal(lines.length, 1);
  assert.ok(lines[0]?.includes(folder));
  await Deno.remove(folder, { recursive: true });
});

Deno.test("all callers within two seconds share one check, and the log has each failure once", async () => {
  let checks = 0;
  let broken = true;
  const { readiness, clock, lines } = open([{
    name: "disk",
    check: () => {
      checks++;
      return broken
        ? Promise.reject(
          new AppError("UNAVAILABLE", "No.", { operator: "/secret/path" }),
        )
        : Promise.resolve();
    },
  }]);
  const ask = () => Promise.all([readiness.report(), readiness.report()]);
  await ask();
  clock.advance(1_999);
  await ask();
  assert.equal(checks, 1);
  clock.advance(1);
  assert.equal((await readiness.report()).ready, false);
  broken = false;
  clock.advance(2_000);
  assert.equal((await readiness.report()).ready, true);
  assert.equal(checks, 3);
  const messages = lines.map((line) => JSON.parse(line));
  assert.deepEqual(messages.map(({ msg }) => msg), [
    "not ready",
    "ready again",
  ]);
  assert.equal(messages[0].reason, "/secret/path");
});

Deno.test("a clock that was set back does not keep an old report", async () => {
  let checks = 0;
  const clock = new ManualClock(1_000_000);
  const readiness = new Readiness({
    checks: [{ name: "x", check: () => Promise.resolve(void checks++) }],
    clock,
    log: createLogger({ level: "error", write: () => {} }),
  });
  await readiness.report();
  clock.advance(-500_000);
  await readiness.report();
  assert.equal(checks, 2);
});
