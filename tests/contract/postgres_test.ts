/** PostgreSQL as the store of several processes, and what may happen to it. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { isAppError } from "../../lib/errors.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { PostgresKv } from "../../lib/kv/postgres/postgres_kv.ts";
import { systemClock } from "../../lib/clock.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { ACCOUNTS, type RaceResult } from "../support/kv_racer.ts";
import {
  administer,
  hasPostgres,
  POSTGRES_MISSING,
  startPostgres,
} from "../support/postgres.ts";
import { run } from "../tools/command.ts";
import { freePorts } from "../tools/ports.ts";
import { until } from "../support/until.ts";

const RACER = new URL("../support/kv_racer.ts", import.meta.url).pathname;

/** For tests that do not stop it. */
const shared = hasPostgres
  ? await startPostgres({ settings: ["fsync = off"] })
  : undefined;
Deno.test.afterAll(async () => await shared?.[Symbol.asyncDispose]());

/** A test that is left out without PostgreSQL; closing a pool takes longer than `close`. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({
    name: `${name}${POSTGRES_MISSING}`,
    ignore: !hasPostgres,
    sanitizeOps: false,
    sanitizeResources: false,
    fn,
  });
}

async function withKv(url: string, work: (kv: Kv) => Promise<void>) {
  const kv = await openKv(url);
  try {
    await work(kv);
  } finally {
    kv.close();
  }
}

test("two processes lose no update and never claim the same", async () => {
  const url = await shared?.database() ?? "";
  const race = async (name: string): Promise<RaceResult> =>
    JSON.parse(
      (await run(Deno.execPath(), ["run", "-A", RACER, url, name, "60"]))
        .stdout,
    );
  const results = await Promise.all([race("a"), race("b")]);
  const transfers = results.reduce((sum, one) => sum + one.transfers, 0);
  const claims = results.flatMap((one) => one.claims);
  assert.ok(results.every(({ conflicts }) => conflicts > 0), "never met");
  assert.equal(new Set(claims).size, claims.length);
  await withKv(url, async (kv) => {
    assert.equal(await kv.counter(["transfers"]), BigInt(transfers));
    const keys = Array.from({ length: ACCOUNTS }, (_, i) => ["account", i]);
    const amounts = await kv.getMany<number>(keys);
    assert.equal(amounts.reduce((sum, one) => sum + (one?.value ?? 0), 0), 0);
  });
});

test("large commits on the same keys in any order do not lock each other out", async () => {
  await withKv(await shared?.database() ?? "", async (kv) => {
    const change = async (round: number) => {
      const commit = kv.atomic();
      for (let i = 0; i < 1_000; i++) {
        commit.sum(["n", (i * 7 + round) % 1_000], 1n);
      }
      assert.equal(await commit.commit(), true);
    };
    await Promise.all(Array.from({ length: 24 }, (_, i) => change(i)));
    for await (const { value } of kv.list({ prefix: ["n"] })) {
      assert.deepEqual(value, new Deno.KvU64(24n));
    }
  });
});

test("several processes may create the tables at once, and a later start changes nothing", async () => {
  const url = await shared?.database() ?? "";
  const all = await Promise.all([1, 2, 3, 4].map(() => openKv(url)));
  await all[0]?.set(["kept"], 1);
  await withKv(url, async (kv) => {
    assert.equal((await kv.get(["kept"]))?.value, 1);
  });
  for (const kv of all) kv.close();
});

test("expired rows are removed a minute later, unless they were written again", async () => {
  const url = await shared?.database() ?? "";
  const clock = new ManualClock();
  const kv = await openKv(url, clock);
  const commit = kv.atomic();
  for (let i = 0; i < 999; i++) {
    commit.set(["e", i], i, { expiresAt: clock.now() + 1 });
  }
  await commit.set(["stays"], 1).commit();
  await kv.set(["again"], 1, { expiresAt: clock.now() + 1 });
  clock.advance(59_000);
  assert.equal(await kv.sweepExpired(), 0);
  await kv.set(["again"], 2);
  clock.advance(2_000);
  assert.equal(await kv.sweepExpired(), 999);
  assert.deepEqual(
    (await Array.fromAsync(kv.entries())).map(({ value }) => value),
    [2, 1],
  );
  kv.close();
});

test("no statement reads the whole table, however small it was at first", async () => {
  const url = await shared?.database() ?? "";
  const scans = async () => {
    const [row] = await administer(
      url,
      "select seq_scan from pg_stat_user_tables where relname = 'atcr_kv'",
    );
    return Number(row?.seq_scan);
  };
  await withKv(url, () => Promise.resolve());
  const before = await scans();
  await withKv(url, async (kv) => {
    for (let i = 0; i < 40; i++) {
      await kv.atomic().check(["a", i], null).set(["a", i], i).set(["b", i], i)
        .delete(["c", i]).sum(["n"], 1n).commit();
      await kv.getMany([["a", i], ["b", i]]);
      await kv.get(["a", i]);
      await Array.fromAsync(kv.list({ prefix: ["a"] }));
    }
  });
  // Connections report what they did when they end.
  await until(async () => {
    const [row] = await administer(
      url,
      "select count(*) from pg_stat_activity where application_name = 'atcr'",
    );
    return Number(row?.count) === 0;
  });
  assert.equal(await scans(), before);
});

test("a copy of everything is one moment, whatever is written meanwhile", async () => {
  await withKv(await shared?.database() ?? "", async (kv) => {
    for (let i = 0; i < 450; i++) await kv.set(["a", i], 0);
    let seen = 0;
    for await (const { value } of kv.entries()) {
      assert.equal(value, 0);
      if (seen++ === 0) {
        for (let i = 0; i < 450; i++) await kv.set(["a", i], 1);
        await kv.set(["b"], 1);
      }
    }
    assert.equal(seen, 450);
  });
});

test("reads survive a restart of the server, and nothing else ends", async () => {
  await using server = await startPostgres();
  const kv = await PostgresKv.open(await server.database(), systemClock, {
    size: 8,
    // A busy machine may take long to start the server.
    answerMs: 120_000,
  });
  await kv.set(["k"], "before");
  await Promise.all(Array.from({ length: 8 }, () => kv.get(["k"])));
  const reading = (async () => {
    for (let i = 0; i < 200; i++) {
      assert.equal((await kv.get<string>(["k"]))?.value, "before");
    }
  })();
  await server.stop("fast");
  const waiting = kv.get<string>(["k"]);
  await server.start();
  assert.equal((await waiting)?.value, "before");
  await reading;
  await kv.set(["k"], "after");
  assert.equal((await kv.get(["k"]))?.value, "after");
  kv.close();
});

test("without a server calls end with a sentence, and work again when it is back", async () => {
  await using server = await startPostgres();
  const url = await server.database();
  const kv = await PostgresKv.open(url, systemClock, {
    size: 2,
    answerMs: 5_000,
  });
  await server.stop("immediate");
  for (const call of [() => kv.get(["k"]), () => kv.set(["k"], 1)]) {
    await assert.rejects(
      call,
      (error) =>
        isAppError(error, "UNAVAILABLE") && error.retryAfterSeconds === 5,
    );
  }
  await server.start();
  await until(() => kv.set(["k"], 2).then(() => true, () => false));
  assert.equal((await kv.get(["k"]))?.value, 2);
  kv.close();
});

test("of several servers the one that takes writes is used, also after a failover", async () => {
  await using primary = await startPostgres();
  await primary.database();
  await using standby = await startPostgres({ standbyOf: primary });
  const url =
    `postgres://atcr@127.0.0.1:${standby.port},127.0.0.1:${primary.port}/kv0`;
  await withKv(url, async (kv) => {
    await kv.set(["k"], "by the primary");
    await administer(
      primary.adminUrl,
      "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')",
    );
    await until(async () => {
      const [row] = await administer(
        primary.adminUrl,
        "select coalesce(bool_and(replay_lsn >= pg_current_wal_lsn()), false) as same from pg_stat_replication",
      );
      return row?.same === true;
    });
    await primary.stop("immediate");
    await administer(standby.adminUrl, "select pg_promote()");
    assert.equal((await kv.get(["k"]))?.value, "by the primary");
    await until(() =>
      kv.set(["k"], "by the other").then(() => true, () => false)
    );
    assert.equal((await kv.get(["k"]))?.value, "by the other");
  });
});

test("a certificate is checked where the address asks for it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "atcr-pg-tls-" });
  const certificate = join(folder, "server.crt");
  await run("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"],
    ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ...["-keyout", join(folder, "server.key"), "-out", certificate],
  ]);
  await using server = await startPostgres({
    settings: ["ssl = on", "fsync = off"],
    prepare: async (data) => {
      for (const name of ["server.key", "server.crt"]) {
        await Deno.copyFile(join(folder, name), join(data, name));
        await Deno.chmod(join(data, name), 0o600);
      }
      await Deno.writeTextFile(
        join(data, "pg_hba.conf"),
        "local all all trust\nhostssl all all all trust\n",
      );
    },
    isTls: true,
  });
  const url = (host: string, query: string) =>
    `postgres://atcr@${host}:${server.port}/postgres?${query}`;
  const trusted = `sslrootcert=${certificate}`;
  for (
    const good of [
      url("localhost", `sslmode=verify-full&${trusted}`),
      url("127.0.0.1", `sslmode=verify-ca&${trusted}`),
      url("127.0.0.1", "sslmode=require"),
    ]
  ) {
    await withKv(good, async (kv) => {
      await kv.set(["tls"], good);
      assert.equal((await kv.get(["tls"]))?.value, good);
    });
  }
  for (
    const bad of [
      url("127.0.0.1", `sslmode=verify-full&${trusted}`),
      url("localhost", "sslmode=verify-full"),
      url("localhost", "sslmode=verify-full&sslrootcert=/nowhere.pem"),
      url("localhost", "sslmode=disable"),
    ]
  ) {
    await assert.rejects(openKv(bad), (error) => isAppError(error), bad);
  }
  await Deno.remove(folder, { recursive: true });
});

test("a database that cannot hold the store is refused with what to do", async () => {
  assert.ok(shared);
  const latin = "create database latin encoding 'LATIN1' template template0";
  await administer(shared.adminUrl, latin);
  await administer(shared.adminUrl, "create user guest");
  const other = (user: string, database: string) =>
    `postgres://${user}@127.0.0.1:${shared.port}/${database}`;
  await assert.rejects(openKv(other("atcr", "latin")), /UTF8/);
  await assert.rejects(openKv(other("guest", "postgres")), /create tables/);
  const [port] = freePorts(1);
  const nobody = `postgres://127.0.0.1:${port}/kv`;
  await assert.rejects(
    PostgresKv.open(nobody, systemClock, { size: 1, answerMs: 200 }),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
});
