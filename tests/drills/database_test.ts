/**
 * Drill: two instances on one PostgreSQL. One is killed in the middle of an
 * upload, then the database restarts, and then it is away for a while.
 */

import assert from "node:assert/strict";
import { holdKeys } from "../../lib/hold/kv_keys.ts";
import type { UploadRow } from "../../lib/hold/uploads/upload_row.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { networkEnv } from "../support/hold.ts";
import { randomBlob } from "../support/oci.ts";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { startProgram } from "../support/program.ts";
import { readiness, untilReady } from "../support/readiness.ts";
import { expect, Repository } from "../support/registry.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { say } from "../tools/command.ts";
import { freePort } from "../tools/ports.ts";
import { pullImages, pushImages } from "./drill.ts";

const AWAY_SECONDS = Number(Deno.env.get("DRILL_SECONDS") ?? "20");
const MB = 1024 * 1024;

Deno.test({
  name: "two instances survive a kill and a database that goes away",
  ignore: !hasPostgres,
  sanitizeOps: false,
  sanitizeResources: false,
  fn: drill,
});

async function drill(): Promise<void> {
  await using database = await startPostgres();
  const shared = { DATABASE_URL: await database.database() };
  await using first = await startServer({ env: shared });
  const second = await startProgram({
    port: freePort(),
    dataDir: first.dataDir,
    env: {
      ...networkEnv({
        pds: first.pds,
        plc: `http://localhost:${first.ports[2]}`,
      }),
      ...shared,
      ATCR_SERVER_BASE_URL: first.origin,
      ATCR_HOLD_OWNER: first.alice.did,
      ATCR_HOLD_PUBLIC: "true",
    },
  });
  const images = await pushImages(first, "before", 3);

  // An upload of the other instance, which is killed in the middle of it.
  const [here, there] = [first, second].map((server) =>
    new Repository(server, first.alice, "alice.test/app")
  );
  assert.ok(here && there);
  await here.token();
  const blob = randomBlob(4 * MB);
  const location = await there.startUpload();
  const path = new URL(location, first.origin).pathname +
    new URL(location, first.origin).search;
  const part = (from: number, to: number) => ({
    body: blob.bytes.slice(from, to),
    headers: { "content-range": `${from}-${to - 1}` },
  });
  expect(await there.send("PATCH", path, part(0, MB)), 202);
  const hanging = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(blob.bytes.slice(MB, 2 * MB)),
  });
  const cut = fetch(new URL(path, second.origin), {
    method: "PATCH",
    body: hanging,
    headers: { authorization: `Bearer ${await there.token()}` },
  }).catch(() => undefined);
  const kv = await openKv(shared.DATABASE_URL);
  await until(async () => {
    const rows = kv.list<UploadRow>({ prefix: holdKeys.uploads });
    const uploads = await Array.fromAsync(rows);
    return uploads.some(({ value }) => value.lock !== undefined);
  });
  kv.close();
  expect(await here.send("PATCH", path, part(MB, 2 * MB)), 503);
  let answer = 0;
  const killedAt = Date.now();
  await second.stop("SIGKILL");
  await cut;
  await until(async () => {
    answer = (await here.send("PATCH", path, part(MB, 2 * MB))).status;
    return answer === 202;
  }, () => answer);
  const takenMs = Date.now() - killedAt;
  assert.ok(takenMs < 10_000, `${takenMs} ms`);
  expect(await here.send("PATCH", path, part(2 * MB, 4 * MB)), 202);
  expect(await here.finishUpload(path, blob.digest), 201);

  // The database restarts.
  const pulling = pullImages(first, images);
  await database.stop("fast");
  await database.start();
  await pulling;

  // It is away.
  await database.stop("immediate");
  const awayAt = Date.now();
  let slowestMs = 0;
  let checks = 0;
  let refused = 0;
  while (Date.now() - awayAt < AWAY_SECONDS * 1000) {
    const ready = await readiness(first.origin);
    slowestMs = Math.max(slowestMs, ready.tookMs);
    checks++;
    if (ready.status === 503) refused++;
    const live = await fetch(`${first.origin}/livez`);
    await live.body?.cancel();
    assert.equal(live.status, 200);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const push = await here.send("POST", "blobs/uploads/");
  assert.equal(push.status, 503);
  assert.ok(push.headers.get("retry-after"));
  await database.start();
  const readyMs = await untilReady(first.origin);
  const blobs = await pullImages(first, images);
  await pushImages(first, "after", 2);
  assert.ok(slowestMs < 4_000, `${slowestMs} ms`);
  assert.ok(refused >= checks - 1);
  await say(
    `upload of a killed instance taken over after ${takenMs} ms; database away ` +
      `${AWAY_SECONDS} s: ${checks} readiness checks, slowest ${
        Math.round(slowestMs)
      } ms, ready again ${readyMs} ms after its return; ${blobs} blobs pulled`,
  );
}
