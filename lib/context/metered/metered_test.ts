import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { DenoKv } from "../../kv/deno_kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { Metrics } from "../../metrics.ts";
import { fakeFetch } from "../../net/testing_fetch.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import { FilesystemBlobStore } from "../../storage/filesystem/filesystem.ts";
import { MemoryBlobStore } from "../../storage/memory.ts";
import { S3BlobStore } from "../../storage/s3/s3.ts";
import { meteredFetch } from "./fetch.ts";
import { MeteredKv } from "./kv.ts";
import { MeteredBlobStore } from "./store.ts";

/** The samples of a scrape that match. */
async function samples(metrics: Metrics, pattern: RegExp): Promise<string[]> {
  const text = await metrics.text();
  return text.split("\n").filter((line) => pattern.test(line));
}

/** Names of the methods of a class. */
const methods = (type: { prototype: object }) =>
  Object.getOwnPropertyNames(type.prototype)
    .filter((name) => name !== "constructor");

Deno.test("calls to the key-value store are counted and timed, and pass through", async () => {
  const metrics = new Metrics();
  const kv = new MeteredKv(await openKv(":memory:"), metrics.system);
  try {
    await kv.set(["a", 1], "x");
    await kv.set(["a", 2], "y");
    assert.equal((await kv.get(["a", 1]))?.value, "x");
    const all = await Array.fromAsync(kv.list<string>({ prefix: ["a"] }));
    assert.deepEqual(all.map(({ value }) => value), ["x", "y"]);
    assert.equal(await kv.atomic().sum(["n"], 2n).commit(), true);
    assert.equal(await kv.counter(["n"]), 2n);
    assert.equal(await kv.atomic().check(["a", 1], null).commit(), false);
  } finally {
    kv.close();
  }
  const counted = await samples(metrics, /^atcr_kv_operations_total/);
  for (const [operation, count] of [["set", 2], ["get", 1], ["commit", 2]]) {
    const label = `operation="${operation}",outcome="ok"`;
    const line = counted.find((sample) => sample.includes(label));
    assert.match(line ?? "", new RegExp(` ${count}$`));
  }
  assert.deepEqual(await samples(metrics, /^atcr_kv_conflicts_total/), [
    "atcr_kv_conflicts_total 1",
  ]);
});

Deno.test("a failing call is counted as failed and its error is passed on", async () => {
  const metrics = new Metrics();
  const broken: BlobStore = new MemoryBlobStore(systemClock);
  broken.head = () => Promise.reject(new Error("broken"));
  const store = new MeteredBlobStore(broken, metrics.system);
  await assert.rejects(store.head("a/b"), /broken/);
  assert.match(
    (await samples(metrics, /atcr_storage_operations_total.*failed/)).join(),
    /driver="memory",operation="head",outcome="failed"\} 1/,
  );
});

Deno.test("bytes of the storage are counted by what was asked for", async () => {
  const metrics = new Metrics();
  const store = new MeteredBlobStore(
    new MemoryBlobStore(systemClock),
    metrics.system,
  );
  await store.put("a/b", new Uint8Array(100));
  const found = await store.get("a/b", { start: 10, end: 500 });
  await found?.body.cancel();
  const bytes = await samples(metrics, /^atcr_storage_bytes_total/);
  assert.match(bytes.join(), /direction="written"\} 100/);
  assert.match(bytes.join(), /direction="read"\} 90/);
});

Deno.test("nothing that a store or a driver can do is lost by measuring it", async () => {
  for (const name of methods(DenoKv)) {
    assert.ok(methods(MeteredKv).includes(name), name);
  }
  const folder = await Deno.makeTempDir();
  try {
    const drivers: BlobStore[] = [
      new MemoryBlobStore(systemClock),
      new FilesystemBlobStore({ folder, clock: systemClock }),
      new S3BlobStore({
        bucket: "b",
        region: "us-east-1",
        pathStyle: true,
        endpoint: "http://127.0.0.1:1",
        credentials: { accessKeyId: "a", secretAccessKey: "b" },
      }, { clock: systemClock, probeKey: "probe" }),
    ];
    for (const driver of drivers) {
      const metered = new MeteredBlobStore(driver, new Metrics().system);
      const optional = [
        ...["localSize", "presignGet", "presignPart", "publicUrl"],
      ] as const;
      for (const name of optional) {
        assert.equal(
          typeof metered[name],
          typeof driver[name],
          `${driver.driver} ${name}`,
        );
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("requests to other servers are counted by what they are for", async () => {
  const metrics = new Metrics();
  const { fetch } = fakeFetch({
    "https://plc.directory/did:plc:abc": {},
    "https://pds.test/xrpc/com.atproto.repo.getRecord": {},
    "https://pds.test/xrpc/com.atproto.server.getServiceAuth": new Response(
      "",
      { status: 400 },
    ),
    "https://hold.test/xrpc/io.atcr.hold.notifyManifest": {},
    "https://gone.test/x": new Error("away"),
  });
  const metered = meteredFetch(fetch, metrics.system, "https://plc.directory");
  const ask = async (url: string) => await (await metered(url)).body?.cancel();
  await ask("https://plc.directory/did:plc:abc");
  await ask("https://pds.test/xrpc/com.atproto.repo.getRecord?repo=x");
  await ask("https://pds.test/xrpc/com.atproto.server.getServiceAuth?aud=x");
  await ask("https://hold.test/xrpc/io.atcr.hold.notifyManifest");
  await assert.rejects(ask("https://gone.test/x"));
  const counted = (await samples(metrics, /^atcr_upstream_requests_total/))
    .map((line) => /target="(\w+)",status="(\w+)"/.exec(line)?.slice(1).join());
  assert.deepEqual(counted.sort(), [
    ...["hold,200", "other,failed", "pds,200", "plc,200", "service_auth,400"],
  ]);
});
