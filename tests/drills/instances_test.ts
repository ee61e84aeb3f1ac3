/**
 * Drills: several instances on PostgreSQL and a bucket, of which something goes
 * away in the middle of the work: an instance, the bucket, the database server.
 */

import assert from "node:assert/strict";
import { administer, startPostgres } from "../support/postgres.ts";
import { readiness, untilReady } from "../support/readiness.ts";
import { expectError, Repository } from "../support/registry.ts";
import { randomBlob } from "../support/oci.ts";
import { until } from "../support/until.ts";
import { say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { sleep } from "../tools/server.ts";
import { canRunCluster, type Cluster, startCluster } from "./cluster.ts";
import { pullImages } from "./drill.ts";
import { pushPatiently } from "./patience.ts";

const AWAY_SECONDS = Number(Deno.env.get("DRILL_SECONDS") ?? "60");
const PUSHES = 50;
const hasNginx = await findProgram("nginx") !== undefined;

function drill(name: string, canRun: boolean, fn: () => Promise<void>): void {
  Deno.test({
    name: canRun ? name : `${name} (left out: a program is not installed)`,
    ignore: !canRun,
    sanitizeOps: false,
    sanitizeResources: false,
    fn,
  });
}

/** Every instance, as a server that alice pushes to. */
function serversOf({ instances, alice }: Cluster) {
  return instances.map(({ origin }) => ({ origin, alice }));
}

drill(
  "one of three instances is killed in the middle of 50 pushes",
  canRunCluster && hasNginx,
  async () => {
    await using cluster = await startCluster({ instances: 3, front: "nginx" });
    let acknowledged = 0;
    let killed: Promise<unknown> | undefined;
    const { images, failures, slowestMs } = await pushPatiently(
      [cluster],
      PUSHES,
      (done) => {
        if (done < PUSHES / 3 || killed) return;
        acknowledged = done;
        killed = cluster.instances[1]?.stop("SIGKILL");
      },
    );
    await killed;
    assert.equal(images.size, PUSHES);
    for (const index of [0, 2]) {
      const server = serversOf(cluster)[index];
      assert.ok(server);
      await pullImages(server, images);
    }
    const { origin } = await cluster.restart(1);
    const blobs = await pullImages({ origin, alice: cluster.alice }, images);
    await say(
      `killed after ${acknowledged} of ${PUSHES} pushes: all were pushed, ` +
        `${failures} attempts failed, the slowest push took ${slowestMs} ms; ` +
        `${blobs} blobs pulled from each instance`,
    );
  },
);

drill(
  "a bucket that is away is reported, and everything goes on when it is back",
  canRunCluster,
  async () => {
    await using cluster = await startCluster({ instances: 2 });
    const { images } = await pushPatiently(serversOf(cluster), 10);
    const [first] = serversOf(cluster);
    assert.ok(first);
    const repository = new Repository(first, first.alice, "alice.test/app");
    await repository.token();

    const awayAt = Date.now();
    let refusedMs: number | undefined;
    let slowestMs = 0;
    let refusals = 0;
    cluster.bucket.choose = () =>
      Date.now() - awayAt < AWAY_SECONDS * 500 ? "reset" : "stall";
    while (Date.now() - awayAt < AWAY_SECONDS * 1000) {
      const ready = await readiness(first.origin);
      slowestMs = Math.max(slowestMs, Math.round(ready.tookMs));
      if (ready.status === 503) refusedMs ??= Date.now() - awayAt;
      else assert.equal(refusedMs, undefined, "ready again without a bucket");
      if (refusedMs !== undefined) {
        await assertPullRefused(repository, images);
        await assertPushRefused(repository);
        refusals++;
      }
      await sleep(500);
    }
    assert.ok(refusedMs !== undefined && refusedMs < 6_000, `${refusedMs}`);
    assert.ok(slowestMs < 4_000, `${slowestMs} ms`);

    cluster.bucket.choose = () => undefined;
    const readyMs = await untilReady(first.origin);
    const blobs = await pullImages(first, images);
    await pushPatiently(serversOf(cluster), 5);
    assert.ok(cluster.instances.every((one) => !one.ended()));
    await say(
      `bucket away ${AWAY_SECONDS} s: unready after ${refusedMs} ms, slowest ` +
        `readiness check ${slowestMs} ms, ${refusals} pulls and pushes ` +
        `refused with Retry-After; ready again ${readyMs} ms after its ` +
        `return, ${blobs} blobs pulled`,
    );
  },
);

/** A manifest is served, a small blob is not. */
async function assertPullRefused(
  repository: Repository,
  images: ReadonlyMap<string, { bytes: Uint8Array }>,
): Promise<void> {
  const [image] = images.values();
  const { config } = JSON.parse(new TextDecoder().decode(image?.bytes));
  const blob = await repository.send("GET", `blobs/${config.digest}`);
  expectError(blob, 503, "UNAVAILABLE");
  assert.ok(blob.headers.get("retry-after"));
  const manifest = await repository.send("GET", "manifests/push0");
  assert.equal(manifest.status, 200);
}

/** Some step of a push is refused, and none after it succeeds. */
async function assertPushRefused(repository: Repository): Promise<void> {
  const blob = randomBlob(1_000);
  const start = await repository.send("POST", "blobs/uploads/");
  let answer = start;
  if (start.status === 202) {
    answer = await repository.finishUpload(
      start.headers.get("location") ?? "",
      blob.digest,
      { body: blob.bytes },
    );
  }
  expectError(answer, 503, "UNAVAILABLE");
  assert.ok(answer.headers.get("retry-after"));
}

drill(
  "a failover of the database to a synchronous standby loses nothing that was acknowledged",
  canRunCluster,
  async () => {
    await using primary = await startPostgres();
    await primary.database();
    await using standby = await startPostgres({ standbyOf: primary });
    await administer(
      primary.adminUrl,
      "alter system set synchronous_standby_names = '*'",
    );
    await administer(primary.adminUrl, "select pg_reload_conf()");
    await until(async () => {
      const [row] = await administer(
        primary.adminUrl,
        "select sync_state from pg_stat_replication",
      );
      return row?.sync_state === "sync";
    });
    const hosts = [primary, standby].map(({ port }) => `127.0.0.1:${port}`);
    await using cluster = await startCluster({
      instances: 2,
      database: `postgres://atcr@${hosts.join(",")}/kv0`,
    });
    let acknowledged = 0;
    let failover: Promise<number> | undefined;
    const fail = async () => {
      await primary.stop("immediate");
      const goneAt = Date.now();
      await administer(standby.adminUrl, "select pg_promote()");
      return Date.now() - goneAt;
    };
    const { images, failures, slowestMs } = await pushPatiently(
      serversOf(cluster),
      PUSHES,
      (done) => {
        if (done < PUSHES / 3 || failover) return;
        acknowledged = done;
        failover = fail();
      },
    );
    const promotedMs = await failover;
    assert.equal(images.size, PUSHES);
    let blobs = 0;
    for (const server of serversOf(cluster)) {
      blobs = await pullImages(server, images);
    }
    assert.ok(cluster.instances.every((one) => !one.ended()));
    await say(
      `primary lost after ${acknowledged} of ${PUSHES} pushes, standby ` +
        `promoted in ${promotedMs} ms: all were pushed, ${failures} attempts ` +
        `failed, the slowest push took ${slowestMs} ms; ${blobs} blobs pulled ` +
        `from each instance`,
    );
  },
);
